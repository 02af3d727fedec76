import { VersionFeed } from '../../versions/application/version-feed.js';
import type { Customer } from '../domain/customer.js';

/** The changes of customers, to features that follow them. */
export abstract class CustomerFeed extends VersionFeed<Customer> {}
