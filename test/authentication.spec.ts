import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { AuthenticationService } from '../src/access/application/authentication.service.js';
import { Throttle } from '../src/access/application/throttle.js';
import { SignInLog } from '../src/access/application/sign-in-log.js';
import { generateToken, hashToken } from '../src/access/domain/token.js';
import { AuditTrail } from '../src/history/application/audit-trail.js';
import {
  InMemoryContextRepository,
  InMemorySignInRepository,
  InMemoryTokenRepository,
  InMemoryUserRepository,
} from './support/fakes/in-memory-access.repositories.js';
import { InMemoryAuditRepository } from './support/fakes/in-memory-audit.repository.js';
import { InMemoryStore } from './support/fakes/in-memory-store.js';
import { Gate } from './support/gate.js';
import { TestClock } from './support/test-clock.js';

/** Finds the token `slow` only once the gate is open. */
class SlowTokenRepository extends InMemoryTokenRepository {
  readonly gate = new Gate();
  slow: string | undefined;

  override async findByHash(
    hash: string,
    contextName: string,
  ): ReturnType<InMemoryTokenRepository['findByHash']> {
    if (hash === this.slow) await this.gate.passed;
    return super.findByHash(hash, contextName);
  }
}

describe('a correct guess', () => {
  it('does not count when it completes after too many wrong ones, though it began before them', async () => {
    const store = new InMemoryStore();
    const clock = new TestClock();
    const tokens = new SlowTokenRepository(store);
    const [slow, fast] = [generateToken(), generateToken()];
    await store.run(async () => {
      await new InMemoryContextRepository(store).insert({
        name: 'default',
        aliases: [],
        enabled: true,
        createdAt: 0,
      });
      await new InMemoryUserRepository(store).insert({
        name: 'u',
        role: 'reader',
        contexts: ['default'],
        enabled: true,
        createdAt: 0,
      });
      const token = {
        user: 'u',
        label: '',
        scope: 'read',
        expiresAt: null,
        allowedIps: [],
        createdAt: 0,
      } as const;
      for (const each of [slow, fast]) await tokens.insert(token, hashToken(each));
    });
    const trail = new AuditTrail(new InMemoryAuditRepository(store), store, clock);
    const log = new SignInLog(new InMemorySignInRepository(store), trail, store, clock);
    const throttle = new Throttle({ signIns: 3, requests: 0 });
    const authentication = new AuthenticationService(tokens, throttle, log, store, clock);
    const guess = (token: string, address = '192.0.2.1'): Promise<string> =>
      authentication
        .authenticate({ token, userName: 'u', contextName: undefined, faults: [] }, address, 'read')
        .then(
          ({ userName }) => userName,
          ({ code }: { code: string }) => code,
        );

    tokens.slow = hashToken(slow);
    expect(await guess(fast)).toBe('u');
    const underWay = [guess(slow), guess(slow, '192.0.2.2')];
    for (let n = 0; n < 3; n++) expect(await guess(generateToken())).toBe('invalid_token');
    tokens.gate.open();
    expect(await Promise.all(underWay)).toEqual(['too_many_failures', 'u']);
  });
});
