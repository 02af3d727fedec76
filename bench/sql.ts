/** The SQL of the service, written again: it is compared with the service, so it must not change with it. */

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
// The names and the order of the columns are those of the answer.
const SELECT = `
  SELECT id, name AS Name, address AS Address, email AS Email, phone_number AS PhoneNumber,
         alt_phone_number AS AltPhoneNumber, user_id AS UserID
  FROM customers`;
export const COUNT =
  'SELECT COUNT(*) AS count FROM customers FORCE INDEX (customers_id) WHERE context_id = ? AND id > 0';
export const ONE = `${SELECT} WHERE context_id = ? AND user_id = ?`;
// Without the hint, MariaDB reads the index from the context's first customer on, however deep the page is.
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
/** `valid_to` of a mapping without an end. */
export const OPEN = Number.MAX_SAFE_INTEGER;
const SELECT_MAPPING = `
  SELECT id, customer_id AS ipdr_customer_id, ip_subnet AS ipsubnet, valid_from AS starttime,
         CASE WHEN valid_to < ${OPEN} THEN valid_to - 1 END AS endtime, terminal_id AS terminalid
  FROM ip_mappings`;
export const COUNT_MAPPINGS =
  'SELECT COUNT(*) AS count FROM ip_mappings FORCE INDEX (ip_mappings_id) WHERE context_id = ? AND id > 0';
export const LIST_MAPPINGS = `${SELECT_MAPPING} FORCE INDEX (ip_mappings_id) WHERE context_id = ?`;
const around = (starts: number): string => `
  FORCE INDEX (ip_mappings_network)
  WHERE context_id = ? AND first_address IN (${Array<string>(starts).fill('?').join(', ')}) AND last_address >= ?`;
/** The mapping of an address at a second. @param starts how many first addresses such a mapping can have */
export const mappingAt = (starts: number): string => `
  ${SELECT_MAPPING} ${around(starts)} AND valid_from <= ? AND valid_to > ?
  ORDER BY first_address DESC, last_address, valid_from DESC LIMIT 1`;
/** Another customer's mapping that overlaps one of a single address. */
export const conflicting = (starts: number): string => `
  ${SELECT_MAPPING} ${around(starts)} AND valid_from < ? AND valid_to > ? AND customer_id <> ? LIMIT 1 FOR UPDATE`;
const VERSION = 'SELECT b.recorded_at FROM customer_versions b WHERE b.customer_id = ?';
/** A customer as of an instant: its last version by then or, if there was none yet, its first. */
export const HOLDER = `
  SELECT v.customer_id AS id, v.name AS Name, v.address AS Address, v.email AS Email, v.phone_number AS PhoneNumber,
         v.alt_phone_number AS AltPhoneNumber, v.user_id AS UserID
  FROM customer_versions v
  WHERE v.context_id = ? AND v.customer_id = ? AND v.recorded_at = COALESCE(
    (${VERSION} AND b.recorded_at <= ? ORDER BY b.recorded_at DESC LIMIT 1),
    (${VERSION} ORDER BY b.recorded_at LIMIT 1))`;
export const GUARD = `
  INSERT INTO ip_mapping_guards (context_id, changed_at) VALUES (?, ?)
  ON DUPLICATE KEY UPDATE changed_at = CASE WHEN changed_at >= ? THEN changed_at + 1 ELSE ? END`;
export const GUARDED = 'SELECT changed_at AS at FROM ip_mapping_guards WHERE context_id = ?';
export const INSERT_MAPPING = `
  INSERT INTO ip_mappings (context_id, customer_id, first_address, last_address, ip_subnet, valid_from, valid_to,
                           terminal_id, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
export const INSERT_MAPPING_VERSION = `
  INSERT INTO ip_mapping_versions (context_id, mapping_id, customer_id, first_address, last_address, ip_subnet,
                                   valid_from, valid_to, terminal_id, recorded_at, change_made, by_user,
                                   by_token_id, by_token, by_address, nonce)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
export const INSERT_ENTRY = `
  INSERT INTO audit_entries (at, action, user_name, token_id, token_label, address, context_name, user_id, details,
                             nonce)
  VALUES `;
export const ENTRY = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';
