import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from './shared/config/configuration.js';

const NO_TOKENS = 'no token files; `npx ipdr-customers admin reset-token` creates a new admin token';

/**
 * Shows a newcomer how to send the first request. Printed once at the start, before the log.
 *
 * @param isAdminTokenKnown whether ADMIN_API_TOKEN is a token of this register
 */
export function greeting(configuration: Configuration, url: string, isAdminTokenKnown: boolean): string {
  const { database, dataDir, adminApiToken, tls } = configuration;
  const [userToken, adminToken] = ['user', 'admin'].map((user) => {
    const path = join(dataDir, `${user}-token`);
    return existsSync(path) ? path : undefined;
  });
  const tokens = [
    userToken && `user: ${userToken}`,
    isAdminTokenKnown ? 'admin: ADMIN_API_TOKEN' : adminToken && `admin: ${adminToken}`,
  ].filter((place) => place !== undefined);
  const places = tokens.length > 0 ? `${tokens.join('   ')}   (of the first start)` : NO_TOKENS;
  const warning =
    adminApiToken === undefined || isAdminTokenKnown
      ? ''
      : `
  ADMIN_API_TOKEN is not a token of this register: it only takes effect at the first start
`;
  return `
IPDR customers listens on ${url}
  database   ${nameOf(database)}
  API pages  ${url}/api/docs
  tokens     ${places}
${warning}
Try it:
  curl ${tls === undefined ? '' : '-k '}-X GET '${url}/api/ipdrcustomers' -H 'Content-Type: application/json' \\
    -d '{"api_token": "${userToken === undefined ? 'TOKEN' : `'$(cat ${userToken})'`}", "contextname": "default", "username": "user"}'

`;
}

function nameOf(database: Configuration['database']): string {
  if (database.type === 'sqlite') return `SQLite, ${database.path}`;
  const { host, pathname } = new URL(database.url);
  return `MySQL, ${host}${pathname}`;
}
