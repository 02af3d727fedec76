/** What holds a range of addresses, as far as its first address is one of some: an index probe for each. */
export function startingAt(starts: readonly Buffer[]): string {
  return `m.context_id = ? AND m.first_address IN (${starts.map(() => '?').join(', ')}) AND m.last_address >= ?`;
}

export const OVERLAPPING_IN_TIME = 'm.valid_from < ? AND m.valid_to > ?';
