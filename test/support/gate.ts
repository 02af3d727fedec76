/** Lets one flow wait until another opens the gate. */
export class Gate {
  open!: () => void;
  readonly passed = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** A gate that opens once `count` flows have arrived. */
export function barrier(count: number): () => Promise<void> {
  const gate = new Gate();
  let missing = count;
  return () => {
    if (--missing === 0) gate.open();
    return gate.passed;
  };
}
