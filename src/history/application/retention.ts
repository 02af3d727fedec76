/** How long the register must be able to answer. */
export abstract class Retention {
  abstract readonly days: number;
}
