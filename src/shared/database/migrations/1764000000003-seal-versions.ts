import { randomBytes } from 'node:crypto';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets blocks seal versions. Each step may be repeated. */
export class SealVersions1764000000003 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    if (!(await queryRunner.hasColumn('audit_blocks', 'version_digests'))) {
      await queryRunner.query('ALTER TABLE audit_blocks ADD COLUMN version_digests blob NULL');
    }
    if (!(await queryRunner.hasColumn('customer_versions', 'nonce'))) {
      await queryRunner.query(
        "ALTER TABLE customer_versions ADD COLUMN nonce varchar(22) NOT NULL DEFAULT ''",
      );
    }
    const isMysql = queryRunner.dataSource.options.type === 'mysql';
    const random = isMysql
      ? `LEFT(SHA2(CONCAT('${randomBytes(32).toString('hex')}', id), 256), 22)`
      : 'LOWER(HEX(RANDOMBLOB(11)))';
    // Move versions of block 0 to block 1 if it exists, which keeps them at the beginning of the feed.
    await queryRunner.query(`
      UPDATE customer_versions SET block = (SELECT number FROM audit_blocks WHERE number = 1), nonce = ${random}
      WHERE block = 0`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE customer_versions DROP COLUMN nonce');
    await queryRunner.query('ALTER TABLE audit_blocks DROP COLUMN version_digests');
  }
}
