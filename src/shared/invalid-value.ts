/** A value is invalid. The message says why, as the predicate of a sentence. */
export class InvalidValue extends Error {
  override readonly name: string = 'InvalidValue';
}
