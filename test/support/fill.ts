import type { DatabaseConfiguration } from '../../src/shared/config/configuration.js';
import { customer, type CustomerFields } from './customers.js';
import { withDataSource } from './with-data-source.js';

/** Customer number `n` of `fillCustomers`. */
export function filled(n: number, addressLength: number): CustomerFields {
  const UserID = `filled-${n}`;
  return customer(UserID, { Address: 'x'.repeat(addressLength), Email: null, AltPhoneNumber: '' });
}

/** Inserts customers without versions into the context `default`, by SQL, in ascending order. */
export async function fillCustomers(
  configuration: DatabaseConfiguration,
  count: number,
  addressLength = 20,
): Promise<void> {
  const { Name, PhoneNumber } = filled(0, 0);
  const places = [...String(count - 1)].map((_, place) => ({ table: `d${place}`, value: 10 ** place }));
  await withDataSource(configuration, async (dataSource) => {
    await dataSource.query(`
      INSERT INTO customers (context_id, user_id, name, address, email, phone_number, alt_phone_number,
                             name_search, email_search, updated_at)
      WITH digits AS (SELECT 0 AS n ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `UNION ALL SELECT ${n}`).join(' ')}),
           numbers AS (SELECT ${places.map(({ table, value }) => `${value} * ${table}.n`).join(' + ')} AS n
                       FROM ${places.map(({ table }) => `digits ${table}`).join(', ')})
      SELECT contexts.id, CONCAT('filled-', numbers.n), '${Name}', '${'x'.repeat(addressLength)}', NULL,
             '${PhoneNumber}', '', '${Name.toUpperCase()}', NULL, 0
      FROM numbers, contexts
      WHERE contexts.name = 'default' AND numbers.n < ${count} ORDER BY numbers.n`);
  });
}

/** Inserts the first version of every customer that has none, as the migration does. */
export async function fillVersions(configuration: DatabaseConfiguration): Promise<void> {
  await withDataSource(configuration, (dataSource) =>
    dataSource.query(`
      INSERT INTO customer_versions (context_id, customer_id, recorded_at, change_made, user_id, name, address,
                                     email, phone_number, alt_phone_number, block)
      SELECT context_id, id, updated_at, 'created', user_id, name, address, email, phone_number, alt_phone_number, 0
      FROM customers WHERE id NOT IN (SELECT customer_id FROM customer_versions) ORDER BY id`),
  );
}
