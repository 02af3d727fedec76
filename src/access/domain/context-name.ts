export const DEFAULT_CONTEXT = 'default';

/** The context that a client means: none is `default`, and so is Trisul's `context0`. */
export function contextKey(name: string | undefined): string {
  return name === undefined || name === 'context0' ? DEFAULT_CONTEXT : name;
}

/** @see contract, section 7 */
export const CONTEXT_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
