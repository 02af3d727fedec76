import { errorCodes, RegisterError, validationFailed, type Disclosure } from '../../shared/errors.js';
import { MAPPING_ACTIONS } from './ip-mapping.actions.js';
import type { IpMapping, IpMappingDetails } from './ip-mapping.js';

export const MAPPING_ERRORS = errorCodes({
  mapping_not_found: { kind: 'not_found', when: 'the customer has no such mapping, or none at all' },
  mapping_overlap: {
    kind: 'conflict',
    when: 'another customer holds a part of the network for a part of the time; the message names that mapping',
  },
  mapping_duplicate: {
    kind: 'conflict',
    when: 'the customer has a mapping of this network for this very period already',
  },
  mapping_ambiguous: {
    kind: 'conflict',
    when: 'the customer has several mappings and the request does not say which; `errors` names the candidates',
  },
});

/** @param mapping that was refused @param userId of the other mapping's holder */
export function mappingOverlap(
  mapping: IpMappingDetails,
  userId: string,
  other: IpMappingDetails,
): RegisterError {
  return new RegisterError(
    MAPPING_ERRORS.mapping_overlap,
    `Overlaps ${inWords(other)} of UserID : ${userId}`,
    {
      discloses: disclosure(userId, 1, mapping.network.text),
    },
  );
}

/** @param mapping that was refused @param userId of its holder */
export function mappingDuplicate(mapping: IpMappingDetails, userId: string): RegisterError {
  return new RegisterError(MAPPING_ERRORS.mapping_duplicate, `Duplicate Mapping for UserID : ${userId}`, {
    discloses: disclosure(userId, 1, mapping.network.text),
  });
}

export function mappingNotFound(): RegisterError {
  return new RegisterError(MAPPING_ERRORS.mapping_not_found, 'IP Mapping not found');
}

const MAX_CANDIDATES = 100;

/** Lists the first hundred candidates, all of one customer, as field errors. */
export function mappingAmbiguous(userId: string, candidates: readonly IpMapping[]): RegisterError {
  const faults = candidates
    .slice(0, MAX_CANDIDATES)
    .map((mapping) => ({ field: 'id', message: `may be ${mapping.id}: ${inWords(mapping)}` }));
  const message = `The customer has ${candidates.length} mappings; send the id of one`;
  return new RegisterError(MAPPING_ERRORS.mapping_ambiguous, message, {
    faults,
    discloses: disclosure(userId, faults.length),
  });
}

/** Doesn't disclose the times of the mapping: that would have to be audited. */
export function reassignedOutside(): RegisterError {
  const message = 'must be after the starttime of the mapping, and not after its endtime';
  return validationFailed([{ field: 'starttime', message }]);
}

export function reassignedToItself(): RegisterError {
  return validationFailed([{ field: 'UserID', message: 'must not be the current holder' }]);
}

function inWords({ network, validity }: IpMappingDetails): string {
  const { starttime, endtime } = validity.toWire();
  return `ipsubnet ${network.text}, starttime ${starttime}, endtime ${endtime}`;
}

/** @param ipsubnet the network that the client sent; undefined = it sent none */
function disclosure(userId: string, records: number, ipsubnet?: string): Disclosure {
  return { action: MAPPING_ACTIONS.refused, userId, details: { ipsubnet, records } };
}
