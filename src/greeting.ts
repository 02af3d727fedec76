import { join } from 'node:path';
import type { Configuration } from './shared/config/configuration.js';

/** What a newcomer needs to send the first request; on the terminal, once, before the log begins. */
export function greeting({ database, dataDir, adminApiToken, tls }: Configuration, url: string): string {
  const userToken = join(dataDir, 'user-token');
  const adminToken = adminApiToken === undefined ? join(dataDir, 'admin-token') : 'ADMIN_API_TOKEN';
  const store =
    database.type === 'sqlite' ? `SQLite, ${database.path}` : `MySQL, ${new URL(database.url).host}`;
  return `
IPDR customers listens on ${url}
  database   ${store}
  API pages  ${url}/api/docs
  tokens     user: ${userToken}   admin: ${adminToken}

Try it:
  curl ${tls === undefined ? '' : '-k '}-X GET '${url}/api/ipdrcustomers' -H 'Content-Type: application/json' \\
    -d '{"api_token": "'$(cat ${userToken})'", "contextname": "default", "username": "user"}'

`;
}
