import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';
import { id, number, reference, text } from './columns.js';

/** Adds aliases of contexts, replaced tokens and the sign-in log. Each step may be repeated. */
export class AddNamesAndSignIns1764000000001 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const table of TABLES) await queryRunner.createTable(table, true);
    if (!(await queryRunner.hasColumn('tokens', 'replaced_by'))) {
      await queryRunner.query('ALTER TABLE tokens ADD COLUMN replaced_by integer NULL');
    }
    await queryRunner.query(`
      INSERT INTO context_names (name, context_id)
      SELECT name, id FROM contexts WHERE name NOT IN (SELECT name FROM context_names)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of TABLES.toReversed()) await queryRunner.dropTable(table, true);
    await queryRunner.query('ALTER TABLE tokens DROP COLUMN replaced_by');
  }
}

const TABLES = [
  new Table({
    name: 'context_names',
    columns: [{ ...text('name', 64), isPrimary: true }, number('context_id', 'integer')],
    indices: [{ name: 'context_names_context', columnNames: ['context_id'] }],
    foreignKeys: [reference('context_names_context_fk', 'context_id', 'contexts', 'CASCADE')],
  }),
  new Table({
    name: 'sign_ins',
    columns: [
      id,
      number('at', 'bigint'),
      text('address', 45),
      text('user_name', 64, true),
      number('token_id', 'integer', true),
      text('failure', 32, true),
      number('day', 'integer', true),
    ],
    indices: [
      { name: 'sign_ins_day', columnNames: ['token_id', 'address', 'day'], isUnique: true },
      { name: 'sign_ins_at', columnNames: ['at'] },
      { name: 'sign_ins_user', columnNames: ['user_name'] },
      { name: 'sign_ins_address', columnNames: ['address'] },
    ],
  }),
];
