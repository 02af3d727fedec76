import { TableIndex, type MigrationInterface, type QueryRunner } from 'typeorm';

const TABLE = 'ip_mapping_versions';
const INDEX = new TableIndex({
  name: 'ip_mapping_versions_customer',
  columnNames: ['context_id', 'customer_id', 'mapping_id'],
});

/** Indexes the versions of a customer's mappings. Each step may be repeated. */
export class IndexMappingVersions1764000000005 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const table = await queryRunner.getTable(TABLE);
    if (table?.indices.some(({ name }) => name === INDEX.name) === true) return;
    await queryRunner.createIndex(TABLE, INDEX);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.dropIndex(TABLE, INDEX);
  }
}
