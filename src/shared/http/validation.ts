import { ValidationPipe, type ArgumentMetadata, type ValidationError } from '@nestjs/common';
import { ValidateBy, type ValidationArguments } from 'class-validator';
import { validationFailed, type FieldFault } from '../errors.js';

/** Members that class-transformer drops without a word, when to us they are unknown like any other. */
const DROPPED = ['__proto__', 'constructor', 'prototype'];

class StrictValidationPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type !== 'body' && metadata.type !== 'query') return value;
    const dropped = DROPPED.filter((name) => Object.hasOwn(Object(value) as object, name));
    if (dropped.length > 0) throw validationFailed(dropped.map((field) => ({ field, message: UNKNOWN })));
    return (await super.transform(value, metadata)) as unknown;
  }
}

const UNKNOWN = 'is unknown here; correct its spelling or leave it out';

/** Checks the shape of what comes in: every fault at once, unknown members included. */
export const validationPipe = new StrictValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  stopAtFirstError: true,
  transformOptions: { enableImplicitConversion: false },
  // Values may be personal data.
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => validationFailed(errors.map(toFault)),
});

function toFault({ property, constraints = {} }: ValidationError): FieldFault {
  const [[constraint, message] = ['', 'is not valid']] = Object.entries(constraints);
  if (constraint === 'whitelistValidation') {
    return { field: property, message: UNKNOWN };
  }
  return { field: property, message };
}

/** A decorator that asks `faultOf` what is wrong with a value, which words it to follow the field's name. */
export function Checked(faultOf: (value: unknown) => string | undefined): PropertyDecorator {
  return ValidateBy({
    name: 'checked',
    validator: {
      validate: (value: unknown) => faultOf(value) === undefined,
      defaultMessage: (about?: ValidationArguments) => faultOf(about?.value) ?? '',
    },
  });
}

/** The type of a JSON value, in words: `a number`, `null`, `an array`. */
export function typeInWords(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
