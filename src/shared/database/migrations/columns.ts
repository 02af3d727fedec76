import type { TableColumnOptions, TableForeignKeyOptions } from 'typeorm';

/** A number that is given and never used again. */
export const id: TableColumnOptions = {
  name: 'id',
  type: 'integer',
  isPrimary: true,
  isGenerated: true,
  generationStrategy: 'increment',
};

export function text(name: string, length: number, isNullable = false): TableColumnOptions {
  return { name, type: 'varchar', length: String(length), isNullable };
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
