import { describe, expect, it } from '@jest/globals';
import { auditTrail, type Entry } from './support/audit.js';
import { databaseKinds } from './support/databases.js';
import { resetAfter } from './support/raw-http.js';
import { until } from './support/until.js';
import { useService } from './support/use-service.js';

const WRITES = 40;

describe.each(databaseKinds)('a client that hangs up right after sending, on $name', (kind) => {
  const { service } = useService(kind);

  it('is audited with its address', async () => {
    const { url, tokens } = service();
    for (let n = 0; n < WRITES; n++) {
      const body = JSON.stringify({ api_token: tokens.user, username: 'user', UserID: `U${n}`, Name: 'N' });
      const head = 'POST /api/ipdrcustomers HTTP/1.1\r\nHost: a\r\nContent-Type: application/json';
      const write = `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      await resetAfter(url, 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n', write);
    }
    let entries: Entry[] = [];
    await until(async () => {
      entries = await auditTrail(service(), 'action=customer.created');
      return entries.length === WRITES;
    });
    expect(new Set(entries.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']));
  });
});
