import { VersionFeed } from '../../versions/application/version-feed.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';

/** The changes of mappings, to features that follow them. */
export abstract class MappingFeed extends VersionFeed<RecordedMapping> {}
