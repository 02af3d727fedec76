export const DEFAULT_CONTEXT = 'default';

/** Trisul's own name for `default`. */
const TRISUL_DEFAULT = 'context0';

/** The name of the context that a client means: `default` for no name and for Trisul's `context0`. */
export function contextKey(name: string | undefined): string {
  return name === undefined || name === TRISUL_DEFAULT ? DEFAULT_CONTEXT : name;
}

/** @see contract, section 7 */
export const CONTEXT_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** Whether a context may have this name. */
export function isContextName(text: string): boolean {
  // URLs can't contain . and .. as path segments.
  return CONTEXT_NAME.test(text) && ![TRISUL_DEFAULT, '.', '..'].includes(text);
}
