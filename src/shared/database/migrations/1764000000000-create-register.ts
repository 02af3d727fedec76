import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';
import { id, number, reference, text } from './columns.js';

/** Creates contexts, users, tokens and customers. MySQL can't roll DDL back, so each step may be repeated. */
export class CreateRegister1764000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const table of TABLES) await queryRunner.createTable(table, true);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of TABLES.toReversed()) await queryRunner.dropTable(table, true);
  }
}

const TABLES = [
  new Table({
    name: 'contexts',
    columns: [id, text('name', 64), number('enabled', 'boolean'), number('created_at', 'bigint')],
    indices: [{ name: 'contexts_name', columnNames: ['name'], isUnique: true }],
  }),
  new Table({
    name: 'users',
    columns: [
      id,
      text('name', 64),
      text('role', 16),
      number('enabled', 'boolean'),
      number('created_at', 'bigint'),
    ],
    indices: [{ name: 'users_name', columnNames: ['name'], isUnique: true }],
  }),
  new Table({
    name: 'grants',
    columns: [
      { ...number('user_id', 'integer'), isPrimary: true },
      { ...number('context_id', 'integer'), isPrimary: true },
    ],
    indices: [{ name: 'grants_context', columnNames: ['context_id'] }],
    foreignKeys: [
      reference('grants_user_fk', 'user_id', 'users', 'CASCADE'),
      reference('grants_context_fk', 'context_id', 'contexts', 'CASCADE'),
    ],
  }),
  new Table({
    name: 'tokens',
    columns: [
      id,
      number('user_id', 'integer'),
      text('hash', 64),
      text('label', 128),
      text('scope', 8),
      number('expires_at', 'bigint', true),
      text('allowed_ips', 4000, true),
      number('created_at', 'bigint'),
      number('last_used_at', 'bigint', true),
    ],
    indices: [
      { name: 'tokens_hash', columnNames: ['hash'], isUnique: true },
      { name: 'tokens_user', columnNames: ['user_id'] },
    ],
    foreignKeys: [reference('tokens_user_fk', 'user_id', 'users', 'CASCADE')],
  }),
  new Table({
    name: 'customers',
    columns: [
      id,
      number('context_id', 'integer'),
      text('user_id', 128),
      text('name', 255),
      text('address', 1024, true),
      text('email', 254, true),
      text('phone_number', 64, true),
      text('alt_phone_number', 64, true),
      text('name_search', 64),
      text('email_search', 64, true),
      number('updated_at', 'bigint'),
    ],
    indices: [
      { name: 'customers_user_id', columnNames: ['context_id', 'user_id'], isUnique: true },
      { name: 'customers_id', columnNames: ['context_id', 'id'] },
      { name: 'customers_updated', columnNames: ['context_id', 'updated_at'] },
      { name: 'customers_name', columnNames: ['context_id', 'name_search'] },
      { name: 'customers_email', columnNames: ['context_id', 'email_search'] },
      { name: 'customers_phone', columnNames: ['context_id', 'phone_number'] },
    ],
    foreignKeys: [reference('customers_context_fk', 'context_id', 'contexts', 'NO ACTION')],
  }),
];
