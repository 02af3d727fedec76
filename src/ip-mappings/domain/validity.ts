import { InvalidValue } from '../../shared/invalid-value.js';

/** 9999-12-31T23:59:59Z in Unix seconds: the last second that CSV files, CRMs and databases all support. */
const LAST_SECOND = 253_402_300_799;

/** The period would not contain a single second. */
export class EmptyValidity extends InvalidValue {
  override readonly name = 'EmptyValidity';

  constructor() {
    super('must not be before starttime');
  }
}

/** When a mapping holds: from `from` until before `to`, in Unix seconds. `from` 0 = always, `to` null = still open. */
export class Validity {
  private constructor(
    readonly from: number,
    readonly to: number | null,
  ) {}

  /**
   * @throws EmptyValidity when `to` is not after `from`
   * @throws RangeError for anything but whole seconds, to the end of the year 9999
   */
  static between(from: number, to: number | null): Validity {
    if (to !== null && to <= from) throw new EmptyValidity();
    if (!isSecond(from) || (to !== null && !isSecond(to - 1)))
      throw new RangeError('not within 1970 to 9999');
    return new Validity(from, to);
  }

  /**
   * The period as clients send it: `endtime` is inclusive, and a `starttime` of null is 0.
   *
   * @throws EmptyValidity when `endtime` is before `starttime`
   */
  static fromWire(starttime: number | null, endtime: number | null): Validity {
    return Validity.between(starttime ?? 0, endtime === null ? null : endtime + 1);
  }

  toWire(): { starttime: number; endtime: number | null } {
    return { starttime: this.from, endtime: this.to === null ? null : this.to - 1 };
  }

  holds(second: number): boolean {
    return this.from <= second && (this.to === null || second < this.to);
  }

  overlaps(other: Validity): boolean {
    return this.from < (other.to ?? Infinity) && other.from < (this.to ?? Infinity);
  }

  isSameAs(other: Validity): boolean {
    return this.from === other.from && this.to === other.to;
  }

  /** This period, cut off before `second`; itself if it ends earlier, undefined if nothing is left. */
  endedAt(second: number): Validity | undefined {
    if (second <= this.from) return undefined;
    return this.to !== null && this.to <= second ? this : new Validity(this.from, second);
  }

  /** The parts outside `other`, in order of time. */
  without(other: Validity): Validity[] {
    if (!this.overlaps(other)) return [this];
    const before = this.endedAt(other.from);
    const after =
      other.to !== null && (this.to === null || other.to < this.to)
        ? new Validity(other.to, this.to)
        : undefined;
    return [before, after].filter((part) => part !== undefined);
  }
}

/** Parses a time that a client sent. @returns Unix seconds; null = none. @throws InvalidValue */
export function parseWireTime(value: unknown): number | null {
  if (value === undefined || value === null || value === '') return null;
  const isText = typeof value === 'string';
  if (!isText && typeof value !== 'number') throw new InvalidValue(NO_TIME);
  if (isText ? /^-\d+$/.test(value) : value < 0) throw new InvalidValue('must not be negative');
  if (isText ? !/^\d+$/.test(value) : !Number.isInteger(value)) throw new InvalidValue(NO_TIME);
  const seconds = Math.abs(Number(value)); // -0 is 0
  if (isSecond(seconds)) return seconds;
  throw new InvalidValue(`must not be after ${LAST_SECOND}, the end of the year 9999`);
}

const NO_TIME = 'must be Unix seconds: an integer, or a string of digits';

function isSecond(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= 0 && seconds <= LAST_SECOND;
}
