import type { SealedChange } from '../../versions/domain/version.js';
import type { Customer } from '../../customers/domain/customer.js';
import type { RecordedMapping } from '../../ip-mappings/domain/ip-mapping.js';

export interface CustomerChange extends SealedChange<Customer> {
  readonly kind: 'customer';
}

export interface MappingChange extends SealedChange<RecordedMapping> {
  readonly kind: 'mapping';
}

/** An item of the feed. */
export type Change = CustomerChange | MappingChange;

/**
 * Merges the changes of customers and of mappings, both in the order of their sealing. A mapping appears after its
 * customer's creation and before its deletion, unless the customer has more mappings than a block can seal.
 */
export function inOrder(customers: readonly CustomerChange[], mappings: readonly MappingChange[]): Change[] {
  const notYetCreated = new Set(
    customers.filter(({ change }) => change === 'created').map(({ state }) => state.id),
  );
  const rest = [...mappings].reverse();
  const ordered: Change[] = [];
  const takeMappings = (through: number): void => {
    for (let next = rest.at(-1); next !== undefined; next = rest.at(-1)) {
      const isEarly = next.block === through && notYetCreated.has(next.state.customerId);
      if (next.block > through || isEarly) return;
      ordered.push(next);
      rest.pop();
    }
  };
  for (const change of customers) {
    takeMappings(change.block);
    ordered.push(change);
    notYetCreated.delete(change.state.id);
  }
  takeMappings(Infinity);
  return ordered;
}
