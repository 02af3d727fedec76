import { RegisterError, validationFailed } from '../../shared/errors.js';
import type { IpMapping, IpMappingDetails } from './ip-mapping.js';

/** @param asked what was to be held @param userId the UserID of the other mapping's holder */
export function mappingOverlap(
  asked: IpMappingDetails,
  userId: string,
  other: IpMappingDetails,
): RegisterError {
  return new RegisterError('mapping_overlap', `Overlaps ${inWords(other)} of UserID : ${userId}`, {
    tells: { userId, records: 1, ipSubnet: asked.network.text },
  });
}

/** @param asked what was to be held @param userId the UserID of the holder, who has it already */
export function mappingDuplicate(asked: IpMappingDetails, userId: string): RegisterError {
  return new RegisterError('mapping_duplicate', `Duplicate Mapping for UserID : ${userId}`, {
    tells: { userId, records: 1, ipSubnet: asked.network.text },
  });
}

export function mappingNotFound(): RegisterError {
  return new RegisterError('mapping_not_found', 'IP Mapping not found');
}

export function mappingChanged(): RegisterError {
  return new RegisterError(
    'precondition_failed',
    'The IP mapping is in another version than If-Match or If-None-Match says; read it again, then decide',
  );
}

const MAX_CANDIDATES = 100;

/** Names the candidates, all of one customer, one entry each; some are enough to choose how to go on. */
export function mappingAmbiguous(userId: string, candidates: readonly IpMapping[]): RegisterError {
  const faults = candidates
    .slice(0, MAX_CANDIDATES)
    .map((mapping) => ({ field: 'id', message: `may be ${mapping.id}: ${inWords(mapping)}` }));
  const message = `The customer has ${candidates.length} mappings; say which one by its id`;
  return new RegisterError('mapping_ambiguous', message, {
    faults,
    tells: { userId, records: faults.length },
  });
}

/** Without the times of the mapping: what is told of it would have to be put on record. */
export function reassignedOutside(): RegisterError {
  const message = 'must be after the starttime of the mapping, and not after its endtime';
  return validationFailed([{ field: 'starttime', message }]);
}

export function reassignedToItself(): RegisterError {
  return validationFailed([{ field: 'UserID', message: 'must be another customer than the holder' }]);
}

function inWords({ network, validity }: IpMappingDetails): string {
  const { starttime, endtime } = validity.toWire();
  return `ipsubnet ${network.text}, starttime ${starttime}, endtime ${endtime}`;
}
