import { VersionFeed } from '../../versions/application/version-feed.js';
import type { Customer } from '../domain/customer.js';

/** Offers the changes of customers to other features. */
export abstract class CustomerFeed extends VersionFeed<Customer> {}
