export const ROLES = ['admin', 'operator', 'reader'] as const;
/** What a user may do: administer, read and write, or only read. */
export type Role = (typeof ROLES)[number];

export const SCOPES = ['write', 'read'] as const;
/** What a token may be used for, within the role of its user. */
export type Scope = (typeof SCOPES)[number];

/** What a route requires of its caller. */
export type Right = 'read' | 'write' | 'admin:read' | 'admin:write';

const BY_ROLE: Readonly<Record<Role, readonly Right[]>> = {
  admin: ['read', 'write', 'admin:read', 'admin:write'],
  operator: ['read', 'write'],
  reader: ['read'],
};

const BY_SCOPE: Readonly<Record<Scope, readonly Right[]>> = {
  write: ['read', 'write', 'admin:read', 'admin:write'],
  read: ['read', 'admin:read'],
};

export function roleAllows(role: Role, right: Right): boolean {
  return BY_ROLE[role].includes(right);
}

export function scopeAllows(scope: Scope, right: Right): boolean {
  return BY_SCOPE[scope].includes(right);
}

/** Whether a right concerns the administration of the register, not the data of a context. */
export function isAdministration(right: Right): boolean {
  return right.startsWith('admin:');
}
