import { Table, type MigrationInterface, type QueryRunner, type TableColumnOptions } from 'typeorm';
import { bigId, bytes, id, number, reference, text } from './columns.js';

/** Adds IP mappings and their versions. Each step may be repeated. */
export class AddIpMappings1764000000004 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const table of tables(bigId(queryRunner))) await queryRunner.createTable(table, true);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of tables(bigId(queryRunner)).toReversed()) await queryRunner.dropTable(table, true);
  }
}

const MAPPING = [
  number('context_id', 'integer'),
  number('customer_id', 'integer'),
  bytes('first_address', 16),
  bytes('last_address', 16),
  text('ip_subnet', 64),
  number('valid_from', 'bigint'),
  number('valid_to', 'bigint'),
  text('terminal_id', 64),
];
const NETWORK = ['context_id', 'first_address', 'last_address'];

function tables(versionId: TableColumnOptions): Table[] {
  return [
    new Table({
      name: 'ip_mappings',
      columns: [id, ...MAPPING, number('updated_at', 'bigint')],
      indices: [
        {
          name: 'ip_mappings_network',
          columnNames: [...NETWORK, 'valid_from', 'valid_to', 'customer_id'],
          isUnique: true,
        },
        { name: 'ip_mappings_customer', columnNames: ['context_id', 'customer_id'] },
        { name: 'ip_mappings_id', columnNames: ['context_id', 'id'] },
      ],
      foreignKeys: [reference('ip_mappings_context_fk', 'context_id', 'contexts', 'NO ACTION')],
    }),
    new Table({
      name: 'ip_mapping_versions',
      columns: [
        versionId,
        number('mapping_id', 'integer'),
        number('recorded_at', 'bigint'),
        text('change_made', 8),
        ...MAPPING,
        text('by_user', 64, true),
        number('by_token_id', 'integer', true),
        text('by_token', 128, true),
        text('by_address', 45, true),
        { ...text('nonce', 22), default: "''" },
        number('block', 'integer', true),
      ],
      indices: [
        { name: 'ip_mapping_versions_mapping', columnNames: ['mapping_id', 'recorded_at'], isUnique: true },
        { name: 'ip_mapping_versions_network', columnNames: [...NETWORK, 'recorded_at'] },
        { name: 'ip_mapping_versions_feed', columnNames: ['context_id', 'block'] },
        { name: 'ip_mapping_versions_block', columnNames: ['block'] },
      ],
      foreignKeys: [reference('ip_mapping_versions_context_fk', 'context_id', 'contexts', 'NO ACTION')],
    }),
    new Table({
      name: 'ip_mapping_guards',
      columns: [{ ...number('context_id', 'integer'), isPrimary: true }, number('changed_at', 'bigint')],
      foreignKeys: [reference('ip_mapping_guards_context_fk', 'context_id', 'contexts', 'CASCADE')],
    }),
  ];
}
