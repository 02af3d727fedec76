import { beforeEach, describe, expect, it } from '@jest/globals';
import { asHeaders, newCaller, type Caller } from './support/callers.js';
import { databaseKinds } from './support/databases.js';
import { expectRefused, useMappingService } from './support/mapping-service.js';
import { addCustomer, addMapping, MAPPINGS, mappingPath, mappingsOf } from './support/mappings.js';

/** The members of a mapping in the order of the reference document. */
const MEMBERS = ['id', 'ipdr_customer_id', 'ipsubnet', 'starttime', 'endtime', 'terminalid'];

describe.each(databaseKinds)('on $name, the service', (kind) => {
  const { service, start, caller, send, add, list } = useMappingService(kind);

  describe('given the UserID alone,', () => {
    beforeEach(start);
    const one = `${MAPPINGS}/U1`;

    it('changes what is sent, clears null and "", and keeps the rest', async () => {
      const made = await add('U1', '192.168.1.25/16', 100, 199);
      const changed = async (body: object): Promise<unknown> => {
        const answer = await send('PUT', one, body);
        expect(answer.status).toBe(200);
        expect(answer.text).toBe(JSON.stringify(answer.json, MEMBERS));
        expect(await list()).toBe(`[${answer.text}]`);
        return answer.json;
      };
      expect(await changed({ ipsubnet: '10.0.0.1' })).toEqual({ ...made, ipsubnet: '10.0.0.1' });
      expect(await changed({ ipsubnet: '10.0.0.1/24', starttime: '0' })).toEqual({
        ...made,
        ipsubnet: '10.0.0.1/24',
        starttime: 0,
      });
      const { ipsubnet, starttime, endtime, terminalid } = made;
      const whole = { ipsubnet, starttime, endtime, terminalid };
      for (const [body, after] of [
        [{ ...whole, UserID: 'U1' }, {}],
        [{ endtime: null }, { endtime: null }],
        [whole, {}],
        [{ endtime: '' }, { endtime: null }],
        [{ ...whole, id: made.id }, {}],
        [{ terminalid: null }, { terminalid: '' }],
        [{ ...whole, id: String(made.id) }, {}],
        [{ terminalid: '' }, { terminalid: '' }],
        [{ terminalid: 'new' }, { terminalid: 'new' }],
        [{ endtime: 100 }, { endtime: 100, terminalid: 'new' }],
      ] as const) {
        expect(await changed(body)).toEqual({ ...made, ...after });
      }
    });

    it('deletes a mapping and answers it as it was', async () => {
      const made = await add('U1', '192.168.1.25/16', 100, 199);
      await add('U2', '10.0.0.1');
      const left = await list('?UserID=U2');
      expect(await send('DELETE', one)).toMatchObject({ status: 200, text: JSON.stringify(made) });
      expect(await list()).toBe(left);
      expectRefused(await send('DELETE', one), 404, 'mapping_not_found', 'IP Mapping not found');
      const changes = { terminalid: 'x' };
      expectRefused(await send('PUT', one, changes), 404, 'mapping_not_found', 'IP Mapping not found');
      expect((await send('POST', mappingsOf('U2'), { ipsubnet: '192.168.1.1', starttime: 150 })).status).toBe(
        200,
      );
    });

    it('deletes a mapping without a body too', async () => {
      await add('U1', '192.168.1.25/16');
      const answer = await caller().call('DELETE', one, {
        raw: '',
        headers: asHeaders(caller().credentials),
      });
      expect(answer.status).toBe(200);
      expect(await list()).toBe('[]');
    });

    it('changes one of several mappings by its id, and none without it', async () => {
      const [first, second] = [await add('U1', '192.168.1.25/16', 5), await add('U1', '10.0.0.1', 0, 7)];
      const before = await list();
      for (const [method, body] of [
        ['PUT', { terminalid: 'x' }],
        ['PUT', { UserID: 'U1', ipsubnet: '10.0.0.1', starttime: 0, endtime: 7 }],
        ['DELETE', {}],
        ['DELETE', { UserID: 'U1' }],
      ] as const) {
        const answer = await send(method, one, body);
        const message = 'The customer has 2 mappings; send the id of one';
        expectRefused(answer, 409, 'mapping_ambiguous', message);
        expect((answer.json as { errors: unknown }).errors).toEqual([
          {
            field: 'id',
            message: `may be ${first.id}: ipsubnet 192.168.1.25/16, starttime 5, endtime null`,
          },
          { field: 'id', message: `may be ${second.id}: ipsubnet 10.0.0.1, starttime 0, endtime 7` },
        ]);
        expect(await list()).toBe(before);
      }
      const changed = { ...second, terminalid: 'x' };
      expect((await send('PUT', one, { id: second.id, terminalid: 'x' })).json).toEqual(changed);
      expect(await list()).toBe(JSON.stringify([first, changed]));
      expect((await send('DELETE', one, { id: String(first.id) })).json).toEqual(first);
      expect(await list()).toBe(JSON.stringify([changed]));
      expect((await send('DELETE', one)).json).toEqual(changed);
    });

    it('lists at most a hundred mappings to choose from', async () => {
      await Promise.all(Array.from({ length: 101 }, (_, n) => add('U1', `10.0.0.${n}`)));
      const { errors, message } = (await send('DELETE', one)).json as { errors: object[]; message: string };
      expect(message).toBe('The customer has 101 mappings; send the id of one');
      expect(errors).toHaveLength(100);
    });

    it('never moves a mapping to another customer', async () => {
      const made = await add('U1', '192.168.1.25/16');
      const message = 'must be the UserID of the path; to give an address to another customer, reassign it';
      for (const [method, body] of [
        ['PUT', { UserID: 'U2', terminalid: 'x' }],
        ['PUT', { UserID: 'u1', id: made.id, terminalid: 'x' }],
        ['DELETE', { UserID: 'U2' }],
      ] as const) {
        const answer = await send(method, one, body);
        const errors = [{ field: 'UserID', message }];
        expect(answer).toMatchObject({ status: 422, json: { code: 'validation_failed', errors } });
      }
      expect(await list()).toBe(JSON.stringify([made]));
    });

    it('finds a mapping under a UserID in either Unicode form', async () => {
      await addCustomer(caller(), 'Zoé');
      const made = await add('Zoe\u0301', '10.0.0.1');
      const body = { UserID: 'Zoe\u0301', terminalid: 'x' };
      const answer = await send('PUT', `${MAPPINGS}/Zo%C3%A9`, body);
      expect(answer.json).toEqual({ ...made, terminalid: 'x' });
      expect(await list('?UserID=Zoe%CC%81')).toBe(`[${answer.text}]`);
    });
  });

  describe('given the path of a mapping,', () => {
    beforeEach(start);

    it('reads, changes and deletes it', async () => {
      const [made, other] = [await add('U1', '192.168.1.25/16', 100, 199), await add('U1', '10.0.0.1')];
      const path = mappingPath('U1', made);
      expect(await send('GET', path)).toMatchObject({ status: 200, text: JSON.stringify(made) });
      const changed = { ...made, endtime: null, terminalid: '' };
      expect(await send('PATCH', path, { endtime: '', terminalid: null })).toMatchObject({
        status: 200,
        text: JSON.stringify(changed),
      });
      expect(await list()).toBe(JSON.stringify([changed, other]));
      expect(await send('DELETE', path)).toMatchObject({ status: 200, text: JSON.stringify(changed) });
      expect(await list()).toBe(JSON.stringify([other]));
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const answer = await send(method, path, method === 'PATCH' ? { terminalid: 'x' } : {});
        expectRefused(answer, 404, 'mapping_not_found', 'IP Mapping not found');
      }
    });

    it('finds nothing under another customer, in another context or with an invalid id', async () => {
      const made = await add('U1', '192.168.1.25/16');
      const there = await newCaller(service());
      await addCustomer(there, 'U1');
      await addMapping(there, 'U1', '10.0.0.1');
      const before = [await list(), await list('', there)];
      const paths: [Caller, string][] = [
        [caller(), mappingPath('U2', made)],
        [there, mappingPath('U1', made)],
        ...['0', '-1', '1.5', 'x', '%00', `${made.id}x`, '9'.repeat(15), '9'.repeat(400)].map(
          (id): [Caller, string] => [caller(), `${mappingsOf('U1')}/${id}`],
        ),
      ];
      for (const [by, path] of paths) {
        for (const [method, more, body] of [
          ['GET', '', {}],
          ['PATCH', '', { terminalid: 'x' }],
          ['DELETE', '', {}],
          ['POST', '/reassign', { UserID: by === there ? 'U1' : 'U2', starttime: 5 }],
        ] as const) {
          const answer = await by.call(method, `${path}${more}`, { body });
          expect([method, path, answer.status]).toEqual([method, path, 404]);
          expectRefused(answer, 404, 'mapping_not_found', 'IP Mapping not found');
        }
      }
      for (const [by, userId] of [
        [caller(), 'U2'],
        [there, 'U1'],
      ] as const) {
        const call = { body: { id: made.id, terminalid: 'x' } };
        expect((await by.call('PUT', `${MAPPINGS}/${userId}`, call)).status).toBe(404);
        expect((await by.call('DELETE', `${MAPPINGS}/${userId}`, { body: { id: made.id } })).status).toBe(
          404,
        );
      }
      expect([await list(), await list('', there)]).toEqual(before);
    });
  });
});
