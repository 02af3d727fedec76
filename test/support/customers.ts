/** The six fields of a customer, as the API names them. */
export interface CustomerFields {
  readonly Name: string;
  readonly Address: string | null;
  readonly Email: string | null;
  readonly PhoneNumber: string | null;
  readonly AltPhoneNumber: string | null;
  readonly UserID: string;
}

/** The reference document's first customer, with the given fields. */
export function customer(UserID: string, fields: Partial<CustomerFields> = {}): CustomerFields {
  return {
    Name: 'Trisul',
    Address: 'Chennai',
    Email: 'demo@gmail.com',
    PhoneNumber: '1234567890',
    AltPhoneNumber: '9999999999',
    UserID,
    ...fields,
  };
}

/** A customer as the API returns it, byte for byte. */
export function toJson(id: number, fields: CustomerFields): string {
  const { Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID } = fields;
  return JSON.stringify({ id, Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID });
}

/** The path of a customer, also for UserIDs with special characters. */
export function pathOf(userId: string): string {
  return `/api/ipdrcustomers/${encodeURIComponent(userId)}`;
}
