import { Table, type MigrationInterface, type QueryRunner, type TableColumnOptions } from 'typeorm';
import { bigId, number, reference, text } from './columns.js';

/** Adds versions of customers, the audit trail and idempotency keys. Each step may be repeated. */
export class AddHistory1764000000002 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const table of tables(bigId(queryRunner))) await queryRunner.createTable(table, true);
    await queryRunner.query(`
      INSERT INTO audit_blocks (number, sealed_at, digests, hash)
      SELECT 0, 0, '', '' WHERE NOT EXISTS (SELECT 1 FROM audit_blocks WHERE number = 0)`);
    // Leave the author empty: nobody knows who created the existing customers.
    await queryRunner.query(`
      INSERT INTO customer_versions (context_id, customer_id, recorded_at, change_made, user_id, name, address,
                                     email, phone_number, alt_phone_number, block)
      SELECT context_id, id, updated_at, 'created', user_id, name, address, email, phone_number, alt_phone_number, 0
      FROM customers WHERE id NOT IN (SELECT customer_id FROM customer_versions) ORDER BY id`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of tables(bigId(queryRunner)).toReversed()) await queryRunner.dropTable(table, true);
  }
}

function tables(id: TableColumnOptions): Table[] {
  return [
    new Table({
      name: 'customer_versions',
      columns: [
        id,
        number('context_id', 'integer'),
        number('customer_id', 'integer'),
        number('recorded_at', 'bigint'),
        text('change_made', 8),
        text('user_id', 128),
        text('name', 255),
        text('address', 1024, true),
        text('email', 254, true),
        text('phone_number', 64, true),
        text('alt_phone_number', 64, true),
        text('by_user', 64, true),
        number('by_token_id', 'integer', true),
        text('by_token', 128, true),
        text('by_address', 45, true),
        number('block', 'integer', true),
      ],
      indices: [
        { name: 'customer_versions_customer', columnNames: ['customer_id', 'recorded_at'], isUnique: true },
        { name: 'customer_versions_user_id', columnNames: ['context_id', 'user_id', 'recorded_at'] },
        { name: 'customer_versions_feed', columnNames: ['context_id', 'block'] },
        { name: 'customer_versions_block', columnNames: ['block'] },
      ],
      foreignKeys: [reference('customer_versions_context_fk', 'context_id', 'contexts', 'NO ACTION')],
    }),
    new Table({
      name: 'audit_entries',
      columns: [
        id,
        number('at', 'bigint'),
        text('action', 32),
        text('user_name', 64, true),
        number('token_id', 'integer', true),
        text('token_label', 128, true),
        text('address', 45, true),
        text('context_name', 64, true),
        text('user_id', 128, true),
        { name: 'details', type: 'text' },
        text('nonce', 22),
        number('block', 'integer', true),
      ],
      indices: [
        { name: 'audit_entries_block', columnNames: ['block'] },
        { name: 'audit_entries_at', columnNames: ['at'] },
        { name: 'audit_entries_user_id', columnNames: ['user_id', 'at'] },
      ],
    }),
    new Table({
      name: 'audit_blocks',
      columns: [
        { ...number('number', 'integer'), isPrimary: true },
        number('sealed_at', 'bigint'),
        { name: 'digests', type: 'blob' },
        text('hash', 64),
      ],
      indices: [{ name: 'audit_blocks_sealed_at', columnNames: ['sealed_at'] }],
    }),
    new Table({
      name: 'idempotency_keys',
      columns: [
        id,
        number('context_id', 'integer'),
        text('user_name', 64),
        text('key_hash', 64),
        text('request_hash', 64),
        { name: 'answer', type: 'longtext', isNullable: true },
        number('created_at', 'bigint'),
      ],
      indices: [
        {
          name: 'idempotency_keys_key',
          columnNames: ['context_id', 'user_name', 'key_hash'],
          isUnique: true,
        },
        { name: 'idempotency_keys_created', columnNames: ['created_at'] },
      ],
      foreignKeys: [reference('idempotency_keys_context_fk', 'context_id', 'contexts', 'CASCADE')],
    }),
  ];
}
