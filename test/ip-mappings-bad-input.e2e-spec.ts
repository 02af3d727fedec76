import { beforeAll, describe, expect, it } from '@jest/globals';
import { newCaller, type Caller } from './support/callers.js';
import { databaseKinds } from './support/databases.js';
import {
  addCustomer,
  addMapping,
  MAPPINGS,
  mappingPath,
  mappingsOf,
  type Mapping,
} from './support/mappings.js';
import { withoutSealing, type Answer } from './support/service.js';
import { useService } from './support/use-service.js';

/** The last second of the year 9999. */
const LAST = 253_402_300_799;

describe.each(databaseKinds)('an IP mapping request on $name is refused and changes nothing', (kind) => {
  const { service } = useService(kind, { adapt: withoutSealing });
  let caller: Caller;
  let one: Mapping;
  let kept: string;

  beforeAll(async () => {
    caller = await newCaller(service());
    for (const userId of ['U1', 'U2']) await addCustomer(caller, userId);
    one = await addMapping(caller, 'U1', '10.0.0.1', 100, 199);
    kept = await list();
  });

  const send = (method: string, path: string, body: object = {}): Promise<Answer> =>
    caller.call(method, path, { body });
  const list = async (): Promise<string> => (await send('GET', MAPPINGS)).text;
  const expectFaults = async (
    faults: Record<string, string>,
    method: string,
    path: string,
    body: object,
  ): Promise<void> => {
    const answer = await send(method, path, body);
    expect([method, path, body, answer.status]).toEqual([method, path, body, 422]);
    const { code, errors } = answer.json as { code: string; errors: { field: string; message: string }[] };
    expect(code).toBe('validation_failed');
    expect(Object.fromEntries(errors.map(({ field, message }) => [field, message]))).toEqual(faults);
    expect(errors).toHaveLength(Object.keys(faults).length);
    expect(await list()).toBe(kept);
  };
  const valid = { ipsubnet: '10.0.0.2', starttime: 0 };
  /** Sends one member in every request that takes it. */
  const expectFaultEverywhere = async (field: string, value: unknown, message: string): Promise<void> => {
    const faults = { [field]: message };
    const created = { ...valid, [field]: value };
    await expectFaults(faults, 'POST', MAPPINGS, { UserID: 'U1', ...created });
    await expectFaults(faults, 'POST', mappingsOf('U1'), created);
    await expectFaults(faults, 'PUT', `${MAPPINGS}/U1`, { [field]: value });
    await expectFaults(faults, 'PATCH', mappingPath('U1', one), { [field]: value });
  };

  const NO_ADDRESS = 'must be an IPv4 or IPv6 address, or a CIDR such as 192.0.2.0/24';
  const NO_OCTETS = 'must have four octets, such as 192.0.2.1';
  const NO_NUMBER = 'must have a whole number after the /';

  it.each([
    ['256.0.0.1', 'must not have octets above 255 (256)'],
    ['1.2.3.999/24', 'must not have octets above 255 (999)'],
    ['192.168.01.1', 'must not have octets with leading zeros (01)'],
    ['010.0.0.1/8', 'must not have octets with leading zeros (010)'],
    ['::ffff:1.2.3.04', 'must not have octets with leading zeros (04)'],
    ['1.2.3', NO_OCTETS],
    ['1.2.3.4.5', NO_OCTETS],
    ['1.2..4', NO_OCTETS],
    ['3232235777', NO_OCTETS],
    ['fe80::1%eth0', 'must not have a zone id (%eth0)'],
    ['fe80::1%25eth0/64', 'must not have a zone id (%25eth0)'],
    ['1.2.3.4/33', 'must not have a prefix longer than /32'],
    ['2001:db8::/129', 'must not have a prefix longer than /128'],
    ['1.2.3.4/-1', NO_NUMBER],
    ['1.2.3.4/1.5', NO_NUMBER],
    ['1.2.3.4/24/24', NO_NUMBER],
    ['1.2.3.4/08', 'must not have a prefix length with leading zeros (/08)'],
    ['1.2.3.4/0', 'must not have the prefix /0, which holds every address'],
    ['::/0', 'must not have the prefix /0, which holds every address'],
    ['::/1', 'must not hold all IPv4 addresses (::ffff:0:0/96)'],
    ['1.2.3.4/', 'must have a prefix length after the /'],
    ['1.2.3.0/255.255.255.0', 'must have a prefix length after the /, not a netmask'],
    ['', 'must not be empty'],
    [' \t', 'must not be blank'],
    [' 1.2.3.4', 'must not begin or end with a space'],
    ['1.2.3.4\n', 'must not begin or end with a space'],
    ['gateway.example.com', NO_ADDRESS],
    ['1.2.3.4,5.6.7.8', NO_ADDRESS],
    ['1.2.3.4-9', NO_ADDRESS],
    ['[2001:db8::1]', NO_ADDRESS],
    ['2001:db8:::1', NO_ADDRESS],
    ["' OR 1=1 --", NO_ADDRESS],
    ['1.2.3.4\0', NO_ADDRESS],
    ['1'.repeat(65), 'must be at most 64 characters'],
  ])('if the ipsubnet is %j', (text, message) => expectFaultEverywhere('ipsubnet', text, message));

  const NO_TIME = 'must be Unix seconds: an integer, or a string of digits';
  const NEGATIVE = 'must not be negative';
  const TOO_LATE = `must not be after ${LAST}, the end of the year 9999`;

  it.each([
    [1.5, NO_TIME],
    ['1.5', NO_TIME],
    ['1e5', NO_TIME],
    ['0x10', NO_TIME],
    [' 5', NO_TIME],
    ['5 ', NO_TIME],
    ['١٢', NO_TIME],
    ['now', NO_TIME],
    ['2026-11-24T00:00:00Z', NO_TIME],
    [true, NO_TIME],
    [false, NO_TIME],
    [{}, NO_TIME],
    [[], NO_TIME],
    [[5], NO_TIME],
    [-1, NEGATIVE],
    ['-1', NEGATIVE],
    [-1.5, NEGATIVE],
    [LAST + 1, TOO_LATE],
    [String(LAST + 1), TOO_LATE],
    ['9'.repeat(400), TOO_LATE],
    [1e300, TOO_LATE],
  ])('if a time is %j', async (value, message) => {
    await expectFaultEverywhere('starttime', value, message);
    await expectFaultEverywhere('endtime', value, message);
  });

  it('if members are missing, with every fault at once', async () => {
    const required = 'is required; 0 = always';
    for (const none of [undefined, null, '']) {
      const body = { ...valid, starttime: none };
      await expectFaults({ starttime: required }, 'POST', mappingsOf('U1'), body);
    }
    for (const none of [null, '']) {
      const body = { starttime: none };
      await expectFaults({ starttime: required }, 'PATCH', mappingPath('U1', one), body);
    }
    const missing = { ipsubnet: 'is required', starttime: required };
    await expectFaults(missing, 'POST', mappingsOf('U1'), {});
    await expectFaults({ UserID: 'is required', ...missing }, 'POST', MAPPINGS, {});
    const faults = {
      UserID: 'must be a string, not a number',
      ipsubnet: NO_OCTETS,
      starttime: NEGATIVE,
      endtime: NO_TIME,
      terminalid: 'must be a string, not a boolean',
      startime: 'is unknown here; correct its spelling or leave it out',
    };
    const all = { ipsubnet: '1.2', starttime: -1, endtime: 'x', terminalid: true, startime: 1 };
    await expectFaults(faults, 'POST', MAPPINGS, { UserID: 5, ...all });
    const nothing = { body: 'must have at least one member to change' };
    for (const body of [{}, { id: one.id }, { UserID: 'U1' }]) {
      await expectFaults(nothing, 'PUT', `${MAPPINGS}/U1`, body);
    }
    await expectFaults(nothing, 'PATCH', mappingPath('U1', one), {});
  });

  it('if the endtime is before the starttime, whichever of them is sent', async () => {
    const message = 'must not be before starttime';
    for (const [starttime, endtime] of [
      [100, 99],
      ['1', '0'],
      [LAST, 0],
    ] as const) {
      const body = { ...valid, starttime, endtime };
      await expectFaults({ endtime: message }, 'POST', MAPPINGS, { UserID: 'U1', ...body });
      await expectFaults({ endtime: message }, 'PATCH', mappingPath('U1', one), body);
    }
    await expectFaults({ endtime: message }, 'PUT', `${MAPPINGS}/U1`, { endtime: 99 });
    const late = { starttime: 'must not be after the endtime of the mapping: send a new endtime too' };
    await expectFaults(late, 'PUT', `${MAPPINGS}/U1`, { starttime: 200 });
  });

  it.each([
    [1, 'a number'],
    [true, 'a boolean'],
    [null, 'null'],
    [[], 'an array'],
    [['10.0.0.2'], 'an array'],
    [{}, 'an object'],
  ])('if a text is %j', async (value, type) => {
    const message = `must be a string, not ${type}`;
    await expectFaultEverywhere('ipsubnet', value, message);
    if (value !== null) await expectFaultEverywhere('terminalid', value, message);
    await expectFaults({ UserID: message }, 'POST', MAPPINGS, { ...valid, UserID: value });
    await expectFaults({ UserID: message }, 'PUT', `${MAPPINGS}/U1`, { terminalid: 'x', UserID: value });
    await expectFaults({ UserID: message }, 'DELETE', `${MAPPINGS}/U1`, { UserID: value });
    await expectFaults({ UserID: message }, 'GET', MAPPINGS, { UserID: value });
    const path = `${mappingPath('U1', one)}/reassign`;
    await expectFaults({ UserID: message }, 'POST', path, { UserID: value, starttime: 150 });
  });

  it.each([
    ['x'.repeat(65), 'must be at most 64 characters'],
    ['😀'.repeat(65), 'must be at most 64 characters'],
    ['a\nb', 'must not contain control characters or line breaks'],
    ['a\0', 'must not contain control characters or line breaks'],
    ['\ud800', 'must be valid Unicode text'],
  ])('if the terminalid is %j', (text, message) => expectFaultEverywhere('terminalid', text, message));

  const NO_ID = 'must be a whole number';

  it.each([
    [true, `${NO_ID}, not a boolean`],
    [null, `${NO_ID}, not null`],
    [{}, `${NO_ID}, not an object`],
    [[1], `${NO_ID}, not an array`],
    [1.5, NO_ID],
    [-1, NO_ID],
    [1e15, NO_ID],
    ['x', NO_ID],
    ['', NO_ID],
    ['-1', NO_ID],
    ['1.5', NO_ID],
    ['1'.repeat(16), NO_ID],
  ])('if the id is %j', async (id, message) => {
    await expectFaults({ id: message }, 'PUT', `${MAPPINGS}/U1`, { id, terminalid: 'x' });
    await expectFaults({ id: message }, 'DELETE', `${MAPPINGS}/U1`, { id });
  });

  it('if no customer has the UserID', async () => {
    for (const [method, path, body] of [
      ['GET', MAPPINGS, { UserID: 'nobody' }],
      ['GET', `${MAPPINGS}?UserID=nobody&limit=5`, {}],
      ['GET', `${MAPPINGS}?UserID=u1`, {}],
      ['POST', MAPPINGS, { ...valid, UserID: 'nobody' }],
      ['POST', MAPPINGS, { ...valid, UserID: 'U1 ' }],
      ['PUT', `${MAPPINGS}/nobody`, { terminalid: 'x' }],
      ['DELETE', `${MAPPINGS}/nobody`, {}],
      ['GET', mappingsOf('nobody'), {}],
      ['POST', mappingsOf('nobody'), valid],
      ['GET', mappingPath('nobody', one), {}],
      ['PATCH', mappingPath('nobody', one), { terminalid: 'x' }],
      ['DELETE', mappingPath('nobody', one), {}],
      ['POST', `${mappingPath('nobody', one)}/reassign`, { UserID: 'U2', starttime: 150 }],
      ['POST', `${mappingPath('U1', one)}/reassign`, { UserID: 'nobody', starttime: 150 }],
    ] as const) {
      const answer = await send(method, path, body);
      expect([method, path, answer.status]).toEqual([method, path, 404]);
      expect(answer.json).toMatchObject({ code: 'customer_not_found', message: 'IPDR Customer not found' });
    }
    expect(await list()).toBe(kept);
  });

  it.each([
    [`${MAPPINGS}?userid=U1`, 'userid'],
    [`${MAPPINGS}?UserID=U1&UserID=U2`, 'UserID'],
    [`${MAPPINGS}?UserID=`, 'UserID'],
    [`${MAPPINGS}?limit=0`, 'limit'],
    [`${MAPPINGS}?limit=10001`, 'limit'],
    [`${MAPPINGS}?after=x`, 'after'],
    [`${MAPPINGS}?after=${Buffer.from('id:1.2').toString('base64url')}`, 'after'],
    ['/api/ipdrcustomers/U1/mappings?UserID=U1', 'UserID'],
    ['/api/ipdrcustomers/U1/mappings?limit=x', 'limit'],
  ])('if it lists %s', async (path, field) => {
    const answer = await send('GET', path);
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ field }] } });
  });

  it('if the query string and the body give different customers', async () => {
    const faults = { UserID: 'differs between the query string and the body' };
    await expectFaults(faults, 'GET', `${MAPPINGS}?UserID=U1`, { UserID: 'U2' });
  });

  it.each(['userid', 'ipSubnet', 'Starttime', 'end_time', 'terminalId', 'ipdr_customer_id', '__proto__'])(
    'if it has the unknown member %s',
    async (name) => {
      // Written as text, because an object literal can't have a member `__proto__`.
      const raw = (fields: object): string =>
        `${JSON.stringify({ ...caller.credentials, ...fields }).slice(0, -1)},${JSON.stringify(name)}:"x"}`;
      const message = 'is unknown here; correct its spelling or leave it out';
      for (const [method, path, fields] of [
        ['POST', MAPPINGS, { UserID: 'U1', ...valid }],
        ['POST', mappingsOf('U1'), valid],
        ['PUT', `${MAPPINGS}/U1`, { terminalid: 'x' }],
        ['PATCH', mappingPath('U1', one), { terminalid: 'x' }],
        ['DELETE', `${MAPPINGS}/U1`, {}],
        ['DELETE', mappingPath('U1', one), {}],
        ['GET', MAPPINGS, {}],
        ['POST', `${mappingPath('U1', one)}/reassign`, { UserID: 'U2', starttime: 150 }],
      ] as const) {
        const answer = await caller.call(method, path, { raw: raw(fields) });
        expect([method, path, answer.status]).toEqual([method, path, 422]);
        expect(answer.json).toMatchObject({ errors: [{ field: name, message }] });
      }
      expect(await list()).toBe(kept);
    },
  );
});
