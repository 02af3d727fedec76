/** The SQL of the service, written once more: to be compared with it, not to follow it. */

export const SIGN_IN = `
  SELECT t.id AS tokenId, t.label AS tokenLabel, t.scope, t.expires_at AS expiresAt, t.allowed_ips AS allowedIps,
         t.last_used_at AS lastUsedAt, u.name AS userName, u.enabled AS userEnabled, u.role,
         c.id AS contextId, c.name AS contextName, c.enabled AS contextEnabled, g.user_id IS NOT NULL AS granted
  FROM tokens t
  JOIN users u ON u.id = t.user_id
  LEFT JOIN context_names n ON n.name = ?
  LEFT JOIN contexts c ON c.id = n.context_id
  LEFT JOIN grants g ON g.user_id = u.id AND g.context_id = c.id
  WHERE t.hash = ?`;
// The names and the order are those of the answer: a row is the answer.
const SELECT = `
  SELECT id, name AS Name, address AS Address, email AS Email, phone_number AS PhoneNumber,
         alt_phone_number AS AltPhoneNumber, user_id AS UserID
  FROM customers`;
export const COUNT =
  'SELECT COUNT(*) AS count FROM customers FORCE INDEX (customers_id) WHERE context_id = ? AND id > 0';
export const ONE = `${SELECT} WHERE context_id = ? AND user_id = ?`;
// Left to itself, MariaDB reads the index from the context's first customer on, however deep the page is.
export const LIST = `${SELECT} FORCE INDEX (customers_id) WHERE context_id = ?`;
export const INSERT = `
  INSERT INTO customers (user_id, name, address, email, phone_number, alt_phone_number, name_search,
                         email_search, updated_at, context_id)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
export const UPDATE = `
  UPDATE customers SET user_id = ?, name = ?, address = ?, email = ?, phone_number = ?, alt_phone_number = ?,
                       name_search = ?, email_search = ?, updated_at = ?
  WHERE context_id = ? AND id = ?`;
export const INSERT_VERSION = `
  INSERT INTO customer_versions (context_id, customer_id, recorded_at, change_made, user_id, name, address, email,
                                 phone_number, alt_phone_number, by_user, by_token_id, by_token, by_address,
                                 nonce)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
export const INSERT_ENTRY = `
  INSERT INTO audit_entries (at, action, user_name, token_id, token_label, address, context_name, user_id, details,
                             nonce)
  VALUES `;
export const ENTRY = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';
