import { ValidationPipe, type ArgumentMetadata, type Type, type ValidationError } from '@nestjs/common';
import { getMetadataStorage, ValidateBy, type ValidationArguments } from 'class-validator';
import { RegisterError, validationFailed, type FieldFault } from '../errors.js';

/**
 * Refuses unknown members and repeated query parameters. class-validator would too, but accepts inherited members such
 * as `toString`, and class-transformer silently drops `__proto__`.
 */
class StrictValidationPipe extends ValidationPipe {
  override async transform(value: Record<string, unknown>, metadata: ArgumentMetadata): Promise<unknown> {
    const { type, metatype } = metadata;
    if ((type !== 'body' && type !== 'query') || metatype === undefined) return value;
    const known = membersOf(metatype);
    const given = Object.entries(value);
    const unknown = given.filter(([name]) => !known.has(name));
    const repeated = given.filter(
      ([name, each]) => type === 'query' && known.has(name) && Array.isArray(each),
    );
    const strays = [...unknown, ...repeated];
    if (strays.length === 0) return (await super.transform(value, metadata)) as unknown;
    const rest = Object.fromEntries(given.filter((entry) => !strays.includes(entry)));
    const others = await super.transform(rest, metadata).then(() => [], faultsIn);
    throw validationFailed([
      ...unknownMembers(unknown.map(([name]) => name)),
      ...repeated.map(([field]) => ({ field, message: 'must be sent once' })),
      ...others,
    ]);
  }
}

const MAX_UNKNOWN = 100;

export function unknownMembers(names: readonly string[]): FieldFault[] {
  // Report only some: a body may contain 100,000.
  return names
    .slice(0, MAX_UNKNOWN)
    .map((field) => ({ field, message: 'is unknown here; correct its spelling or leave it out' }));
}

const members = new Map<unknown, ReadonlySet<string>>();

function membersOf(dto: Type): ReadonlySet<string> {
  let names = members.get(dto);
  if (names === undefined) {
    const rules = getMetadataStorage().getTargetValidationMetadatas(dto, '', false, false);
    names = new Set(rules.map(({ propertyName }) => propertyName));
    members.set(dto, names);
  }
  return names;
}

function faultsIn(error: unknown): readonly FieldFault[] {
  if (error instanceof RegisterError) return error.faults;
  throw error;
}

/** Validates bodies and query strings, and reports all faults at once. */
export const validationPipe = new StrictValidationPipe({
  transform: true,
  forbidUnknownValues: true,
  stopAtFirstError: true,
  transformOptions: { enableImplicitConversion: false },
  // Keep values, which may be personal data, out of the errors.
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => validationFailed(errors.map(toFault)),
});

/** Validates members that did not arrive by HTTP. Ignores undefined ones. @throws RegisterError `validation_failed` */
export async function validated<T extends object>(dto: Type<T>, members: object): Promise<T> {
  return (await validationPipe.transform(withoutUndefined(members), { type: 'body', metatype: dto })) as T;
}

function withoutUndefined(members: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function toFault({ property, constraints = {} }: ValidationError): FieldFault {
  return { field: property, message: Object.values(constraints)[0] ?? 'is not valid' };
}

/** Validates a member with `faultOf`, which returns what is wrong as the predicate of a sentence. */
export function Checked(faultOf: (value: unknown) => string | undefined): PropertyDecorator {
  return ValidateBy({
    name: 'checked',
    validator: {
      validate: (value: unknown) => faultOf(value) === undefined,
      defaultMessage: (about?: ValidationArguments) => faultOf(about?.value) ?? '',
    },
  });
}

/** Merges the query string and the body. @throws RegisterError `validation_failed` if they differ in a member */
export function merged<Query extends object, Body extends object>(query: Query, body: Body): Query & Body {
  const inQuery = withoutUndefined(query);
  const inBody = withoutUndefined(body);
  const both = Object.keys(inBody).filter(
    (name) => name in inQuery && String(inQuery[name]) !== String(inBody[name]),
  );
  if (both.length === 0) return { ...inQuery, ...inBody } as Query & Body;
  throw validationFailed(
    both.map((field) => ({ field, message: 'differs between the query string and the body' })),
  );
}

/** The members of a partial update. @throws RegisterError `validation_failed` if there are none */
export function requireMembers<T extends object>(changes: T): T {
  const given = withoutUndefined(changes);
  if (Object.keys(given).length > 0) return given as T;
  throw validationFailed([{ field: 'body', message: 'must have at least one member to change' }]);
}

/** The type of a JSON value with an article: `a number`, `null`, `an array`. */
export function typeInWords(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
