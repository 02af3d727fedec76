import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newCaller, newContext, type Caller } from './support/callers.js';
import type { Answer, Client } from './support/client.js';
import { customer, pathOf } from './support/customers.js';
import { databaseKinds } from './support/databases.js';
import { TestService } from './support/service.js';
import { TestClock } from './support/test-clock.js';
import { useService } from './support/use-service.js';

const LIST = '/api/ipdrcustomers';
const CREATED_AT = '2026-11-24T00:00:00Z';

describe.each(databaseKinds)('the administration on $name', (kind) => {
  const clock = new TestClock();
  const { service, database } = useService(kind, { adapt: clock.adapt });

  const admin = (method: string, path: string, body: object = {}): Promise<Answer> =>
    service().admin(method, `/api/admin/${path}`, { body });
  const list = async (what: string): Promise<unknown> => (await admin('GET', what)).json;

  it('makes and lists contexts', async () => {
    const made = await admin('POST', 'contexts', { name: 'A.b_c-9' });
    expect(made.text).toBe(`{"name":"A.b_c-9","aliases":[],"enabled":true,"created_at":"${CREATED_AT}"}`);
    const other = await admin('POST', 'contexts', { name: 'a.b_c-9', enabled: false });
    expect(other.text).toBe(`{"name":"a.b_c-9","aliases":[],"enabled":false,"created_at":"${CREATED_AT}"}`);
    const seeded = expect.objectContaining({ name: 'default', enabled: true });
    const { json } = await admin('GET', 'contexts');
    expect(json).toEqual(expect.arrayContaining([seeded, made.json, other.json]));
  });

  it('makes and lists users', async () => {
    const contexts = ['default', await newContext(service())].sort();
    const given = { name: 'crm', role: 'operator', contexts };
    const made = await admin('POST', 'users', { ...given, contexts: [...contexts, 'default'] });
    const crm = { ...given, enabled: true, created_at: CREATED_AT };
    expect(made).toMatchObject({ status: 200, text: JSON.stringify(crm) });
    const other = await admin('POST', 'users', { name: 'CRM', role: 'reader', enabled: false });
    const { json } = await admin('GET', 'users');
    expect(json).toEqual(expect.arrayContaining([crm, other.json]));
    expect(other.json).toEqual({
      name: 'CRM',
      role: 'reader',
      contexts: [],
      enabled: false,
      created_at: CREATED_AT,
    });
  });

  describe('a context', () => {
    /** A caller in a context of its own, with a customer `U1`. */
    const inNewContext = async (): Promise<{
      name: string;
      caller: Caller;
      read: (name: string) => Promise<Answer>;
    }> => {
      const caller = await newCaller(service());
      expect((await caller.call('POST', LIST, { body: customer('U1') })).status).toBe(200);
      const read = (contextname: string): Promise<Answer> =>
        caller.call('GET', pathOf('U1'), { body: { contextname } });
      return { name: caller.credentials.contextname, caller, read };
    };
    const notFound = (name: string): object => ({
      status: 404,
      json: { code: 'context_not_found', message: `Invalid Context name - ${name}` },
    });

    it('answers to its old name after a rename, until that is removed', async () => {
      const { name, read } = await inNewContext();
      const renamed = await admin('PATCH', `contexts/${name}`, { name: `${name}-new` });
      const context = { name: `${name}-new`, aliases: [name], enabled: true, created_at: CREATED_AT };
      expect(renamed).toMatchObject({ status: 200, text: JSON.stringify(context) });
      expect(await list('contexts')).toContainEqual(context);
      expect((await read(name)).json).toEqual((await read(`${name}-new`)).json);

      const kept = await admin('PATCH', `contexts/${name}-new`, { aliases: [`${name}-too`] });
      expect(kept.json).toEqual({ ...context, aliases: [`${name}-too`] });
      expect(await read(name)).toMatchObject(notFound(name));
      expect((await read(`${name}-too`)).status).toBe(200);
    });

    it('answers to all its former names and can be renamed back', async () => {
      const { name, read } = await inNewContext();
      await admin('PATCH', `contexts/${name}`, { name: `${name}-b` });
      await admin('PATCH', `contexts/${name}-b`, { name: `${name}-c` });
      for (const each of [name, `${name}-b`, `${name}-c`]) expect((await read(each)).status).toBe(200);
      const back = await admin('PATCH', `contexts/${name}-c`, { name });
      expect(back.json).toMatchObject({ name, aliases: [`${name}-b`, `${name}-c`] });
      const same = await admin('PATCH', `contexts/${name}`, { name, aliases: [name, `${name}-b`] });
      expect(same.json).toMatchObject({ name, aliases: [`${name}-b`] });
      expect((await read(`${name}-c`)).status).toBe(404);
    });

    it('is granted and shown by its present name', async () => {
      const { name, caller, read } = await inNewContext();
      await admin('PATCH', `contexts/${name}`, { name: `${name}-new` });
      const users = (await list('users')) as { name: string; contexts: string[] }[];
      expect(users.find((user) => user.name === caller.credentials.username)?.contexts).toEqual([
        `${name}-new`,
      ]);
      const taken = await caller.call('POST', LIST, { body: { ...customer('U1'), contextname: name } });
      expect(taken.json).toMatchObject({ message: `Customer U1 already exists in context ${name}-new` });
      expect((await read(name)).status).toBe(200);
    });

    it.each(['default', undefined, 'context0'])(
      'that was default is still found as %j after a rename',
      async (contextname) => {
        await admin('PATCH', 'contexts/default', { name: 'main' });
        const answer = await service().call('GET', LIST, { body: { contextname } });
        await admin('PATCH', 'contexts/main', { name: 'default', aliases: [] });
        expect(answer.status).toBe(200);
        expect(await service().call('GET', LIST, { body: { contextname: 'main' } })).toMatchObject(
          notFound('main'),
        );
      },
    );

    it('is administered by its own name, which the refusal of a former one reports', async () => {
      const { name } = await inNewContext();
      await admin('PATCH', `contexts/${name}`, { name: `${name}-new` });
      const message = `This is an alias of ${name}-new; use that name`;
      for (const method of ['PATCH', 'DELETE']) {
        const answer = await admin(method, `contexts/${name}`, method === 'PATCH' ? { enabled: false } : {});
        expect(answer).toMatchObject({ status: 404, json: { code: 'context_unknown', message } });
      }
    });

    it('is closed while it is disabled and open from the next request after that', async () => {
      const { name, read } = await inNewContext();
      expect((await admin('PATCH', `contexts/${name}`, { enabled: false })).json).toMatchObject({
        enabled: false,
      });
      const refused = { code: 'context_forbidden', message: `The context ${name} is disabled` };
      expect(await read(name)).toMatchObject({ status: 403, json: refused });
      const inIt = { body: { contextname: name, enabled: true } };
      expect((await service().admin('PATCH', `/api/admin/contexts/${name}`, inIt)).status).toBe(200);
      expect((await read(name)).status).toBe(200);
    });

    it('is not deleted while it has customers or their history', async () => {
      const { name, caller, read } = await inNewContext();
      const remove = (): Promise<Answer> => admin('DELETE', `contexts/${name}`);
      expect(await remove()).toMatchObject({ status: 409, json: { code: 'context_not_empty' } });
      expect((await read(name)).status).toBe(200);
      expect((await caller.call('DELETE', pathOf('U1'))).status).toBe(200);
      expect(await remove()).toMatchObject({ status: 409, json: { code: 'context_not_empty' } });
      expect((await caller.call('GET', `${pathOf('U1')}/history`)).status).toBe(200);
    });

    it('is deleted when it is empty, which frees its names', async () => {
      const name = await newContext(service());
      const caller = await newCaller(service(), { contexts: [name] });
      const read = (contextname: string): Promise<Answer> =>
        caller.call('GET', '/api/ipdrcustomers', { body: { contextname } });
      await admin('PATCH', `contexts/${name}`, { name: `${name}-new` });
      const deleted = await admin('DELETE', `contexts/${name}-new`);
      expect(deleted).toMatchObject({ status: 200, json: { name: `${name}-new`, aliases: [name] } });
      expect(await read(name)).toMatchObject(notFound(name));
      expect(await newContext(service(), { name })).toBe(name);
      expect((await read(name)).status).toBe(403);
    });

    it('is not deleted by a request in it, under any of its names', async () => {
      const name = await newContext(service());
      await admin('PATCH', `contexts/${name}`, { aliases: [`${name}-too`] });
      for (const contextname of [name, `${name}-too`]) {
        const answer = await admin('DELETE', `contexts/${name}`, { contextname });
        expect(answer).toMatchObject({ status: 409, json: { code: 'context_in_use' } });
      }
      expect((await admin('DELETE', 'contexts/default')).status).toBe(409);
    });

    it('is not deleted while a customer is being created in it', async () => {
      const { name, caller } = await inNewContext();
      await caller.call('DELETE', pathOf('U1'));
      const [deleted, ...created] = await Promise.all([
        admin('DELETE', `contexts/${name}`),
        ...Array.from({ length: 8 }, (_, n) => caller.call('POST', LIST, { body: customer(`U${n}`) })),
      ]);
      const kept = created.filter(({ status }) => status === 200).length;
      expect(
        created.map(({ status }) => status).filter((status) => ![200, 404, 503].includes(status)),
      ).toEqual([]);
      expect(deleted.status).toBe(kept > 0 ? 409 : 200);
    });
  });

  it('keeps one context when two are deleted from each other', async () => {
    for (let round = 0; round < 5; round++) {
      const [a, b] = [await newContext(service()), await newContext(service())];
      const remove = (name: string, contextname: string): Promise<Answer> =>
        admin('DELETE', `contexts/${name}`, { contextname });
      const answers = await Promise.all([remove(a, b), remove(b, a)]);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    }
  });

  it('disables a user while a context granted to it is renamed', async () => {
    for (let round = 0; round < 10; round++) {
      const { contextname, username } = (await newCaller(service())).credentials;
      const answers = await Promise.all([
        admin('PATCH', `contexts/${contextname}`, { name: `${contextname}-new` }),
        admin('PATCH', `users/${username}`, { enabled: false }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    }
  });

  describe('a user', () => {
    const statusOf = async (
      { credentials }: Caller,
      method = 'GET',
      at: Client = service(),
    ): Promise<number> =>
      (await at.callAs(credentials, method, LIST, { body: method === 'POST' ? customer('U1') : {} })).status;
    const change = (caller: Caller, changes: object): Promise<Answer> =>
      admin('PATCH', `users/${encodeURIComponent(caller.credentials.username)}`, changes);

    it('has its new rights at the next request on every instance', async () => {
      const other = await TestService.start(database());
      const caller = await newCaller(service(), { name: 'Zoé/b' });
      const { contextname } = caller.credentials;
      const before = {
        name: 'Zoé/b',
        role: 'operator',
        contexts: [contextname],
        enabled: true,
        created_at: CREATED_AT,
      };
      for (const [changes, read, write] of [
        [{ role: 'reader' }, 200, 403],
        [{ enabled: false }, 401, 401],
        [{ enabled: true, role: 'operator' }, 200, 409],
        [{ contexts: ['default'] }, 403, 403],
        [{ role: 'admin' }, 200, 409],
        [{ role: 'operator', contexts: [contextname, 'default', contextname] }, 200, 409],
      ] as const) {
        if (write === 403 && read === 200) expect(await statusOf(caller, 'POST')).toBe(200);
        const changed = await change(caller, changes);
        const contexts = 'contexts' in changes ? [...new Set(changes.contexts)].sort() : undefined;
        const expected = {
          ...before,
          ...(changed.json as object),
          ...changes,
          ...(contexts && { contexts }),
        };
        expect(changed).toMatchObject({ status: 200, json: expected });
        expect(await list('users')).toContainEqual(expected);
        for (const at of [service(), other]) {
          expect([changes, await statusOf(caller, 'GET', at)]).toEqual([changes, read]);
          expect([changes, await statusOf(caller, 'POST', at)]).toEqual([changes, write]);
        }
      }
      await other.stop();
    });

    it('is deleted with its tokens, which frees its name', async () => {
      const caller = await newCaller(service());
      const { username } = caller.credentials;
      const deleted = await admin('DELETE', `users/${username}`);
      expect(deleted).toMatchObject({ status: 200, json: { name: username, role: 'operator' } });
      expect(await statusOf(caller)).toBe(401);
      expect((await admin('DELETE', `users/${username}`)).json).toMatchObject({ code: 'user_not_found' });
      expect(await list('tokens')).not.toContainEqual(expect.objectContaining({ user: username }));
      await newCaller(service(), { name: username });
      expect(await statusOf(caller)).toBe(401);
    });

    it.each([
      ['disabled', 'PATCH', { enabled: false }],
      ['demoted', 'PATCH', { role: 'operator' }],
      ['deleted', 'DELETE', {}],
    ])('who is the last enabled admin cannot be %s', async (_what, method, changes) => {
      const disabled = await newCaller(service(), { role: 'admin', enabled: false });
      const answer = await admin(method, 'users/admin', changes);
      expect(answer).toMatchObject({ status: 409, json: { code: 'last_admin' } });
      expect((await admin('PATCH', 'users/admin', { contexts: [] })).status).toBe(200);
      await admin('DELETE', `users/${disabled.credentials.username}`);
    });

    it('who is an admin can be removed only while another remains, even if two are removed at once', async () => {
      for (let round = 0; round < 5; round++) {
        const others = await Promise.all([1, 2].map(() => newCaller(service(), { role: 'admin' })));
        const names = others.map(({ credentials }) => credentials.username);
        const demote = (name: string, by: Caller | undefined): Promise<Answer> | undefined =>
          by?.call('PATCH', `/api/admin/users/${name}`, { body: { role: 'reader', contextname: 'default' } });
        await demote('admin', others[0]);
        // Each of the two removes the other.
        const answers = await Promise.all([
          demote(names[1] ?? '', others[0]),
          demote(names[0] ?? '', others[1]),
        ]);
        expect(answers.filter((answer) => answer?.status === 200)).toHaveLength(1);
        const winner = others[answers.findIndex((answer) => answer?.status === 200)];
        const back = { body: { role: 'admin', contextname: 'default' } };
        expect((await winner?.call('PATCH', '/api/admin/users/admin', back))?.status).toBe(200);
        for (const name of names) expect((await admin('DELETE', `users/${name}`)).status).toBe(200);
      }
    });
  });

  describe('a token that is rotated', () => {
    const rotate = (id: number, body: object = {}): Promise<Answer> =>
      admin('POST', `tokens/${id}/rotate`, body);
    const statusOf = async ({ credentials }: Caller, api_token = credentials.api_token): Promise<number> =>
      (await service().callAs({ ...credentials, api_token }, 'GET', LIST)).status;
    const tokenOf = ({ json }: Answer): string => (json as { token: string }).token;
    const expiryOf = async (id: number): Promise<unknown> =>
      ((await list('tokens')) as { id: number; expires_at: unknown }[]).find((token) => token.id === id)
        ?.expires_at;
    afterEach(() => {
      clock.at = Date.parse(CREATED_AT);
    });

    it('has a successor like it and is valid until the grace period ends', async () => {
      const token = { label: 'CRM', scope: 'read', allowed_ips: ['127.0.0.0/8'] };
      const caller = await newCaller(service(), { token });
      const rotated = await rotate(caller.tokenId, { grace_seconds: 3600 });
      const { id } = rotated.json as { id: number };
      const { username: user, api_token } = caller.credentials;
      const record = { id, user, ...token, expires_at: null, created_at: CREATED_AT, last_used_at: null };
      const shown = { id, user, label: 'CRM', scope: 'read', expires_at: null, allowed_ips: ['127.0.0.0/8'] };
      const created = { ...shown, created_at: CREATED_AT, last_used_at: null, token: tokenOf(rotated) };
      expect(rotated).toMatchObject({ status: 200, text: JSON.stringify(created) });
      expect(await list('tokens')).toContainEqual(record);
      expect(id).not.toBe(caller.tokenId);
      expect(await expiryOf(caller.tokenId)).toBe('2026-11-24T01:00:00Z');
      for (const [time, old] of [
        ['2026-11-24T00:59:59Z', 200],
        ['2026-11-24T01:00:00Z', 401],
      ] as const) {
        clock.at = Date.parse(time);
        expect(await statusOf(caller, api_token)).toBe(old);
        expect(await statusOf(caller, tokenOf(rotated))).toBe(200);
      }
    });

    it('ends at once without a grace period', async () => {
      const caller = await newCaller(service());
      const rotated = await rotate(caller.tokenId);
      expect(await statusOf(caller)).toBe(401);
      expect(await statusOf(caller, tokenOf(rotated))).toBe(200);
    });

    it('expires no later than before', async () => {
      const caller = await newCaller(service(), { token: { expires_at: '2026-11-24T00:30:00Z' } });
      const rotated = await rotate(caller.tokenId, { grace_seconds: 3600 });
      expect(await expiryOf(caller.tokenId)).toBe('2026-11-24T00:30:00Z');
      expect(rotated.json).toMatchObject({ expires_at: '2026-11-24T00:30:00Z' });
      clock.at = Date.parse('2026-11-24T00:30:00Z');
      expect(await rotate((rotated.json as { id: number }).id)).toMatchObject({
        status: 409,
        json: { code: 'token_expired' },
      });
    });

    it('has a generated successor even if it was adopted', async () => {
      const caller = await newCaller(service(), { token: { token: 'GiXwBWWv5g2Fs6QeaTlx' } });
      expect(tokenOf(await rotate(caller.tokenId))).toMatch(/^ipdr_[0-9A-Za-z]{36}$/);
    });

    it('is rotated once even by two requests at once; then its successor can be rotated', async () => {
      const caller = await newCaller(service());
      const grace = { grace_seconds: 3600 };
      const answers = await Promise.all([rotate(caller.tokenId, grace), rotate(caller.tokenId, grace)]);
      const [made, refused] = answers.toSorted((a, b) => a.status - b.status);
      const { id } = made?.json as { id: number };
      expect(made?.json).toMatchObject({ expires_at: null });
      const message = `Token ${id} has already replaced this one; rotate or revoke that one`;
      expect(refused).toMatchObject({ status: 409, json: { code: 'token_replaced', message } });
      expect(await rotate(id)).toMatchObject({ status: 200, json: { expires_at: null } });
    });

    it.each([-1, 0.5, '60', null, 2_592_001])(
      'is not rotated with a grace period of %j',
      async (grace_seconds) => {
        const caller = await newCaller(service());
        const answer = await rotate(caller.tokenId, { grace_seconds });
        expect(answer).toMatchObject({ status: 422, json: { errors: [{ field: 'grace_seconds' }] } });
        expect(await statusOf(caller)).toBe(200);
      },
    );

    it.each(['0', '01', '-1', 'abc', '999999999999', '1%20OR%201=1'])(
      'is not found by the id %s',
      async (id) => {
        const answer = await admin('POST', `tokens/${id}/rotate`);
        expect(answer).toMatchObject({ status: 404, json: { code: 'token_not_found' } });
      },
    );
  });

  describe('refuses', () => {
    /** All lists, except when tokens were used, which is written beside requests. */
    const everything = async (): Promise<string> => {
      const answers = await Promise.all(['contexts', 'users', 'tokens'].map((what) => admin('GET', what)));
      return answers.map(({ text }) => text.replaceAll(/"last_used_at":("[^"]*"|null)/g, '')).join('\n');
    };
    let before: string;

    beforeEach(async () => {
      before = await everything();
    });
    afterEach(async () => {
      expect(await everything()).toBe(before);
    });

    it.each<[string, object, string]>([
      ['contexts', { name: 'default' }, 'context_exists'],
      ['users', { name: 'user', role: 'reader' }, 'user_exists'],
    ])('to create %s twice: %j', async (what, body, code) => {
      expect(await admin('POST', what, body)).toMatchObject({ status: 409, json: { code } });
    });

    it.each<[string, string, object, number, string]>([
      ['PATCH', 'contexts/nowhere', { enabled: false }, 404, 'context_unknown'],
      ['PATCH', 'contexts/default%20', { enabled: false }, 404, 'context_unknown'],
      ['PATCH', 'contexts/context0', { enabled: false }, 404, 'context_unknown'],
      ['DELETE', 'contexts/nowhere', {}, 404, 'context_unknown'],
      ['PATCH', 'users/nobody', { role: 'reader' }, 404, 'user_not_found'],
      ['PATCH', 'users/USER', { role: 'reader' }, 404, 'user_not_found'],
      ['DELETE', 'users/nobody', {}, 404, 'user_not_found'],
      ['PATCH', 'contexts/default', {}, 422, 'validation_failed'],
      ['PATCH', 'users/user', {}, 422, 'validation_failed'],
      ['PATCH', 'users/user', { name: 'other' }, 422, 'validation_failed'],
      ['PATCH', 'users/user', { role: 'root' }, 422, 'validation_failed'],
      ['PATCH', 'users/user', { role: null }, 422, 'validation_failed'],
      ['PATCH', 'users/user', { contexts: ['nowhere'] }, 422, 'validation_failed'],
      ['PATCH', 'users/user', { enabled: 'no' }, 422, 'validation_failed'],
      ['PATCH', 'contexts/default', { name: 'a b' }, 422, 'validation_failed'],
      ['PATCH', 'contexts/default', { name: null }, 422, 'validation_failed'],
      ['PATCH', 'contexts/default', { aliases: ['context0'] }, 422, 'validation_failed'],
      ['PATCH', 'contexts/default', { aliases: 'x' }, 422, 'validation_failed'],
      ['PATCH', 'contexts/default', { aliases: Array(1001).fill('x') }, 422, 'validation_failed'],
      ['DELETE', 'users/user', { enabled: true }, 422, 'validation_failed'],
    ])('%s %s with %j', async (method, path, body, status, code) => {
      expect(await admin(method, path, body)).toMatchObject({ status, json: { code } });
    });

    it('to give a context a name of another one', async () => {
      const [name, other] = [await newContext(service()), await newContext(service())];
      await admin('PATCH', `contexts/${other}`, { aliases: [`${other}-too`] });
      before = await everything();
      for (const [taken, message] of [
        [other, `Context ${other} already exists`],
        [`${other}-too`, `${other}-too is an alias of context ${other}`],
      ] as const) {
        const refused = { status: 409, json: { code: 'context_exists', message } };
        expect(await admin('PATCH', `contexts/${name}`, { name: taken, enabled: false })).toMatchObject(
          refused,
        );
        expect(await admin('PATCH', `contexts/${name}`, { aliases: [taken] })).toMatchObject(refused);
        expect(await admin('POST', 'contexts', { name: taken })).toMatchObject(refused);
      }
    });

    const contextNames = [
      '',
      'a b',
      'a/b',
      'é',
      'x'.repeat(65),
      'context0',
      'default ',
      'a\0',
      5,
      null,
      ['x'],
    ];
    const userNames = [
      '',
      '.',
      '..',
      ' x',
      'x ',
      'x'.repeat(65),
      'a\nb',
      'a\0',
      'Zoe\u0301',
      '\ud800',
      5,
      null,
      {},
    ];
    const times = ['', 'tomorrow', '2026-02-30T00:00:00Z', '2030-01-01', -1, 1.5, true, {}];
    const addresses = ['127.0.0.1', ['localhost'], ['10.0.0.0/33'], ['127.1'], [127], [null], 5, null];
    const tokens = [
      `ipdr_${'0'.repeat(36)}`,
      'ipdr_GiXwBWWv5g2Fs6QeaTlx',
      'x'.repeat(19),
      'x'.repeat(256),
      `${'x'.repeat(20)} y`,
      'é'.repeat(20),
      0,
      null,
      ['x'.repeat(20)],
    ];
    const rows = (
      what: string,
      known: object,
      field: string,
      values: unknown[],
    ): [string, object, string[]][] => values.map((value) => [what, { ...known, [field]: value }, [field]]);

    it.each<[string, object, string[]]>([
      ...rows('contexts', {}, 'name', [...contextNames, undefined]),
      ...rows('contexts', { name: 'x' }, 'enabled', [1, 'true', null]),
      ['contexts', { name: '', nam: 'y', enabled: 5 }, ['name', 'nam', 'enabled']],
      ...rows('users', { role: 'reader' }, 'name', [...userNames, undefined]),
      ...rows('users', { name: 'x' }, 'role', ['root', 'Admin', ['admin'], null, undefined]),
      ...rows('users', { name: 'x', role: 'reader' }, 'contexts', [
        'default',
        [1],
        ['ipdrr'],
        ['default '],
        null,
      ]),
      ...rows('users', { name: 'x', role: 'reader' }, 'password', ['x']),
      ...rows('tokens', {}, 'user', ['nobody', 'user ', 'USER', '', 5, null, undefined]),
      ...rows('tokens', { user: 'user' }, 'scope', ['admin', '', null]),
      ...rows('tokens', { user: 'user' }, 'label', ['x'.repeat(129), 'a\0', 5, null]),
      ...rows('tokens', { user: 'user' }, 'expires_at', times),
      ...rows('tokens', { user: 'user' }, 'allowed_ips', addresses),
      ...rows('tokens', { user: 'user' }, 'token', tokens),
      ['tokens', { user: 'user', id: 1, hash: 'x' }, ['id', 'hash']],
    ])('to create %s of %j', async (what, body, fields) => {
      const { status, json } = await admin('POST', what, body);
      const { code, errors = [] } = json as { code: string; errors?: { field: string }[] };
      expect([status, code]).toEqual([422, 'validation_failed']);
      expect(errors.map(({ field }) => field).sort()).toEqual(fields.toSorted());
    });
  });
});
