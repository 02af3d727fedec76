import { reassignedOutside, reassignedToItself } from './ip-mapping.errors.js';
import type { IpMapping, IpMappingDetails } from './ip-mapping.js';
import { Validity } from './validity.js';

/**
 * Passes a network on: the old mapping ends where the new one begins, and that one ends when the old one would have.
 *
 * The new one has no terminal id: it is the equipment of the old holder.
 *
 * @param from the first second of the new holder, Unix seconds; the old one must have had one before
 * @throws RegisterError `validation_failed` when the mapping does not hold both then and the second before, or when the
 * new holder is the old one
 */
export function reassigned<M extends IpMapping>(
  mapping: M,
  customerId: number,
  from: number,
): [ended: M, next: IpMappingDetails] {
  const { network, validity } = mapping;
  if (customerId === mapping.customerId) throw reassignedToItself();
  const before = validity.endedAt(from);
  if (before === undefined || !validity.holds(from)) throw reassignedOutside();
  const after = Validity.between(from, validity.to);
  return [
    { ...mapping, validity: before },
    { customerId, network, validity: after, terminalId: '' },
  ];
}
