import { createConnection, type Connection } from 'mysql2/promise';
import { DATABASE_URL } from './database.js';
import { median } from './measure.js';
import { userId } from './scenarios.js';
import { ENTRY, INSERT_ENTRY, INSERT_VERSION, ONE, UPDATE } from './sql.js';

/** The cost of a write in the database: milliseconds from the first statement of its transaction to the last. */
export interface WriteCost {
  /** The update alone. */
  readonly bare: number;
  /** With its version and its audit entry. */
  readonly recorded: number;
  /** The median of the rounds' ratios. */
  readonly ratio: number;
}

const ROUNDS = 20;
const NONCE = 'x'.repeat(22);
const WRITES = 100;

/** Measures on one connection, with and without version and audit entry in turn. */
export async function measureWrite(): Promise<WriteCost> {
  const connection = await createConnection(DATABASE_URL);
  const [[context]] = (await connection.query(
    "SELECT id FROM contexts WHERE name = 'default'",
  )) as unknown as [[{ id: number }]];
  let n = 0;
  const time = async (isRecorded: boolean): Promise<number> => {
    const startedAt = performance.now();
    for (let i = 0; i < WRITES; i++) await write(connection, context.id, n++, isRecorded);
    return (performance.now() - startedAt) / WRITES;
  };
  await time(true); // prepares the statements
  const rounds: { bare: number; recorded: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ bare: await time(false), recorded: await time(true) });
  }
  await connection.end();
  return {
    bare: median(rounds.map(({ bare }) => bare)),
    recorded: median(rounds.map(({ recorded }) => recorded)),
    ratio: median(rounds.map(({ bare, recorded }) => recorded / bare)),
  };
}

async function write(on: Connection, context: number, n: number, isRecorded: boolean): Promise<void> {
  await on.query('START TRANSACTION');
  const [[{ id }]] = (await on.execute(`${ONE} FOR UPDATE`, [context, userId(n)])) as unknown as [
    [{ id: number }],
  ];
  const fields = [
    userId(n),
    'Meera Krishnan',
    `${n} Mount Road, Chennai`,
    'meera@example.com',
    '1234567890',
    null,
  ];
  const at = Date.now();
  await on.execute(UPDATE, [...fields, 'MEERA KRISHNAN', 'MEERA@EXAMPLE.COM', at, context, id]);
  if (isRecorded) {
    const by = ['user', 2, 'first start', '127.0.0.1'];
    await on.execute(INSERT_VERSION, [context, id, at, 'updated', ...fields, ...by, NONCE]);
    const entry = [...by, 'default', userId(n), `{"id":${id}}`, NONCE];
    await on.execute(INSERT_ENTRY + ENTRY, [at, 'customer.updated', ...entry]);
  }
  await on.query('COMMIT');
}
