import { VersionFeed } from '../../versions/application/version-feed.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';

/** The changes of mappings, for the change feed. */
export abstract class MappingFeed extends VersionFeed<RecordedMapping> {}
