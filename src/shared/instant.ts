// The last second with a year of four digits, which CSV files, CRMs and databases all support.
const MAX_SECONDS = 253_402_300_799;

/**
 * Parses an instant: Unix seconds, as a number or digits, or ISO 8601 with an offset.
 *
 * @returns Unix milliseconds; undefined = malformed
 */
export function parseInstant(value: unknown): number | undefined {
  if (typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))) {
    const seconds = Number(value);
    return Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_SECONDS ? seconds * 1000 : undefined;
  }
  if (typeof value !== 'string') return undefined;
  // In a query string, an unescaped + of an offset arrives as a space.
  const iso = value.replace(/ (?=\d\d:?\d\d$)/, '+');
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(iso)) return undefined;
  const milliseconds = Date.parse(iso);
  // Date.parse accepts the 31st of any month.
  const day = new Date(`${iso.slice(0, 10)}T00:00:00Z`);
  const exists = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(iso.slice(0, 10));
  return exists && milliseconds >= 0 && milliseconds / 1000 <= MAX_SECONDS ? milliseconds : undefined;
}

/** ISO 8601 in UTC, to the second. */
export function formatInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** ISO 8601 in UTC, to the millisecond. */
export function formatMoment(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
