/** A value cannot be what it should be; the message says why, to follow the field's name in a sentence. */
export class InvalidValue extends Error {
  override readonly name: string = 'InvalidValue';
}
