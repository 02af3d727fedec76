import { VersionFeed } from '../../versions/application/version-feed.js';
import type { RecordedMapping } from '../domain/ip-mapping.js';

/** Offers the changes of mappings to other features. */
export abstract class MappingFeed extends VersionFeed<RecordedMapping> {}
