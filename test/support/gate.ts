/** Where one flow waits until another lets it pass. */
export class Gate {
  open!: () => void;
  readonly passed = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** A gate that opens when `count` flows have come to it. */
export function barrier(count: number): () => Promise<void> {
  const gate = new Gate();
  let missing = count;
  return () => {
    if (--missing === 0) gate.open();
    return gate.passed;
  };
}
