import { reassignedOutside, reassignedToItself } from './ip-mapping.errors.js';
import { NO_TERMINAL, type IpMapping, type IpMappingDetails } from './ip-mapping.js';
import { Validity } from './validity.js';

/**
 * Ends a mapping where the new holder's mapping begins, which ends when the old one would have. The new one has no
 * terminal id, since that is the old holder's equipment.
 *
 * @param from the new holder's first second, Unix seconds
 * @throws RegisterError `validation_failed` unless the mapping holds both at `from` and the second before, or if the new
 * holder is the old one
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
    { customerId, network, validity: after, terminalId: NO_TERMINAL },
  ];
}
