/** For how many days the register must keep its history. */
export abstract class Retention {
  abstract readonly days: number;
}
