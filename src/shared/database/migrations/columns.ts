import type { QueryRunner, TableColumnOptions, TableForeignKeyOptions } from 'typeorm';

/** A generated id that is never reused. */
export const id: TableColumnOptions = {
  name: 'id',
  type: 'integer',
  isPrimary: true,
  isGenerated: true,
  generationStrategy: 'increment',
};

/** A generated id of 64 bits. SQLite's INTEGER has 64 bits, and no other type can be generated. */
export function bigId({ dataSource }: QueryRunner): TableColumnOptions {
  return { ...id, type: dataSource.options.type === 'mysql' ? 'bigint' : 'integer' };
}

export function text(name: string, length: number, isNullable = false): TableColumnOptions {
  return { name, type: 'varchar', length: String(length), isNullable };
}

/** Bytes of variable length. SQLite accepts any type name. */
export function bytes(name: string, length: number): TableColumnOptions {
  return { name, type: 'varbinary', length: String(length) };
}

export function number(
  name: string,
  type: 'integer' | 'bigint' | 'boolean',
  isNullable = false,
): TableColumnOptions {
  return { name, type, isNullable };
}

/** A foreign key on the id of another table. */
export function reference(
  name: string,
  column: string,
  table: string,
  onDelete: 'CASCADE' | 'NO ACTION',
): TableForeignKeyOptions {
  return {
    name,
    columnNames: [column],
    referencedTableName: table,
    referencedColumnNames: ['id'],
    onDelete,
    onUpdate: 'NO ACTION',
  };
}
