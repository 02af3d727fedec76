/** The six fields of a customer, as the API names them. */
export interface CustomerFields {
  readonly Name: string;
  readonly Address: string | null;
  readonly Email: string | null;
  readonly PhoneNumber: string | null;
  readonly AltPhoneNumber: string | null;
  readonly UserID: string;
}

/** The reference document's first customer, with what a test says of it. */
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

/** A customer as the API answers it, byte for byte. */
export function toJson(id: number, fields: CustomerFields): string {
  const { Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID } = fields;
  return JSON.stringify({ id, Name, Address, Email, PhoneNumber, AltPhoneNumber, UserID });
}

/** The path of one customer; also for UserIDs that a URL would take for something else. */
export function pathOf(userId: string): string {
  return `/api/ipdrcustomers/${encodeURIComponent(userId)}`;
}
