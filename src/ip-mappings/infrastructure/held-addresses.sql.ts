/** Matches networks that start at one of `starts` and reach an address, the next parameter. An index probe per start. */
export function startingAt(starts: readonly Buffer[]): string {
  return `m.context_id = ? AND m.first_address IN (${starts.map(() => '?').join(', ')}) AND m.last_address >= ?`;
}

export const OVERLAPPING_IN_TIME = 'm.valid_from < ? AND m.valid_to > ?';
