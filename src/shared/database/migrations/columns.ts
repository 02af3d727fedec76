import type { QueryRunner, TableColumnOptions, TableForeignKeyOptions } from 'typeorm';

/** A number that is given and never used again. */
export const id: TableColumnOptions = {
  name: 'id',
  type: 'integer',
  isPrimary: true,
  isGenerated: true,
  generationStrategy: 'increment',
};

/** The same for tables that outgrow 32 bits. SQLite's INTEGER has 64, and takes no other type for a generated id. */
export function bigId({ dataSource }: QueryRunner): TableColumnOptions {
  return { ...id, type: dataSource.options.type === 'mysql' ? 'bigint' : 'integer' };
}

export function text(name: string, length: number, isNullable = false): TableColumnOptions {
  return { name, type: 'varchar', length: String(length), isNullable };
}

/** Bytes that an index compares one by one. SQLite takes any name for a type. */
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
