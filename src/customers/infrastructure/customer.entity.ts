import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { ContextId } from '../../identity/domain/principal.js';
import type { SqlValue } from '../../shared/database/database.js';
import { FIELDS, type CustomerField, type FieldValue } from '../domain/customer-fields.js';
import type { Customer } from '../domain/customer.js';

type Columns = { [Field in CustomerField]: FieldValue<Field> };

/** A column for each field, in `customers` and in `customer_versions`. */
export abstract class CustomerColumns implements Columns {
  @Column({ name: 'user_id', type: 'varchar', length: 128 })
  userId!: string;

  @Column({ type: 'varchar', length: 255 })
  name!: string;

  @Column({ type: 'varchar', length: 1024, nullable: true })
  address!: string | null;

  @Column({ type: 'varchar', length: 254, nullable: true })
  email!: string | null;

  @Column({ name: 'phone_number', type: 'varchar', length: 64, nullable: true })
  phoneNumber!: string | null;

  @Column({ name: 'alt_phone_number', type: 'varchar', length: 64, nullable: true })
  altPhoneNumber!: string | null;
}

/**
 * A customer of a context. The first index finds a UserID; the others serve, in this order: the list and its pages,
 * `updated_since`, and `search`. `name_search` and `email_search` are what `searchKey` makes of the text.
 */
@Entity('customers')
@Index('customers_user_id', ['contextId', 'userId'], { unique: true })
@Index('customers_id', ['contextId', 'id'])
@Index('customers_updated', ['contextId', 'updatedAt'])
@Index('customers_name', ['contextId', 'nameSearch'])
@Index('customers_email', ['contextId', 'emailSearch'])
@Index('customers_phone', ['contextId', 'phoneNumber'])
export class CustomerEntity extends CustomerColumns {
  @PrimaryGeneratedColumn({ type: 'integer' })
  id!: number;

  @Column({ name: 'context_id', type: 'integer' })
  @ForeignKey('ContextEntity', { name: 'customers_context_fk' })
  contextId!: ContextId;

  @Column({ name: 'name_search', type: 'varchar', length: 64 })
  nameSearch!: string;

  @Column({ name: 'email_search', type: 'varchar', length: 64, nullable: true })
  emailSearch!: string | null;

  /** Unix milliseconds, greater in every later version (customer-version.entity.ts). */
  @Column({ name: 'updated_at', type: 'bigint' })
  updatedAt!: number;
}

/** The column of each field, with the same name as in CustomerColumns. */
export const COLUMN_OF = Object.fromEntries(FIELDS.map((field) => [field, toSnakeCase(field)])) as Readonly<
  Record<CustomerField, string>
>;

function toSnakeCase(field: string): string {
  return field.replaceAll(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
}

/** The columns of a customer, with the domain's names as aliases. */
export const READ_COLUMNS = [
  'id',
  ...FIELDS.map((field) => `${COLUMN_OF[field]} AS ${field}`),
  'updated_at AS updatedAt',
].join(', ');

/** In Unicode code points: `search` compares only the start of a text. */
export const SEARCH_LENGTH = 64;

/** The start of `text` in upper case, which, unlike lower case, doesn't depend on a letter's place in a word. */
export function searchKey(text: string): string {
  return [
    ...text
      .slice(0, 2 * SEARCH_LENGTH)
      .normalize('NFC')
      .toUpperCase(),
  ]
    .slice(0, SEARCH_LENGTH)
    .join('');
}

/** Whether `search` can compare all of `text`. Upper case can be longer: `ß` becomes `SS`. */
export function isSearchable(text: string): boolean {
  return [...text.normalize('NFC').toUpperCase()].length <= SEARCH_LENGTH;
}

/** The columns to write, in the order of `toValues`. */
export const WRITTEN_COLUMNS = [...Object.values(COLUMN_OF), 'name_search', 'email_search', 'updated_at'];

export function toValues(customer: Omit<Customer, 'id'>): SqlValue[] {
  const { name, email, updatedAt } = customer;
  const emailSearch = email === null ? null : searchKey(email);
  return [...FIELDS.map((field) => customer[field]), searchKey(name), emailSearch, updatedAt];
}
