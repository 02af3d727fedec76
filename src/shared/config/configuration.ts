import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { addressList, type AddressList } from '../address-list.js';

/** The validated environment variables (contract, section 8). */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  /** The folder for the embedded database and the generated tokens. */
  readonly dataDir: string;
  readonly database: DatabaseConfiguration;
  /** The admin's token for the first start, not validated yet; undefined = generate one. */
  readonly adminApiToken: string | undefined;
  /** An IANA name, for dates in CSV and reports. */
  readonly timeZone: string;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** The proxies whose `X-Forwarded-For` is trusted. */
  readonly trustProxy: AddressList;
  /** Requests per minute and token; 0 = no limit. */
  readonly rateLimit: number;
  /** Failed sign-ins per minute and client address; 0 = no limit. */
  readonly signinLimit: number;
  readonly retentionDays: number;
  readonly logLevel: LogLevel;
}

export type DatabaseConfiguration =
  { readonly type: 'sqlite'; readonly path: string } | { readonly type: 'mysql'; readonly url: string };

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The program can't start. The message is one line for the operator. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/**
 * Reads and validates the configuration.
 *
 * @throws ConfigurationError with the variable and its allowed values, never its value, which may be a secret
 */
export function loadConfiguration(env: NodeJS.ProcessEnv): Configuration {
  const read = new Environment(env);
  const dataDir = read.text('DATA_DIR') ?? 'data';
  return {
    host: read.text('HOST') ?? '127.0.0.1',
    port: read.integer('PORT', 8000, { min: 0, max: 65535 }),
    dataDir,
    database: databaseConfiguration(read.secret('DATABASE_URL'), dataDir),
    adminApiToken: read.secret('ADMIN_API_TOKEN'),
    timeZone: timeZone(read.text('TIME_ZONE') ?? 'Asia/Kolkata'),
    tls: tls(read.text('TLS_CERT_FILE'), read.text('TLS_KEY_FILE')),
    trustProxy: trustProxy(read.text('TRUST_PROXY') ?? ''),
    rateLimit: read.integer('RATE_LIMIT', 6000, { min: 0, max: 1_000_000_000 }),
    signinLimit: read.integer('SIGNIN_LIMIT', 20, { min: 0, max: 1_000_000_000 }),
    retentionDays: read.integer('RETENTION_DAYS', 730, { min: 1, max: 36_500 }),
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
  };
}

class Environment {
  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** Treats an empty variable as not set, since compose files and shells produce those. */
  text(name: string): string | undefined {
    return this.env[name] === '' ? undefined : this.env[name];
  }

  /** A variable that can also be set by a file, `NAME_FILE`, as with Docker secrets. */
  secret(name: string): string | undefined {
    const value = this.text(name);
    const file = this.text(`${name}_FILE`);
    if (value !== undefined && file !== undefined) {
      throw new ConfigurationError(`${name} and ${name}_FILE are both set; set one of them`);
    }
    return file === undefined ? value : readText(`${name}_FILE`, file).replace(/\r?\n$/, '');
  }

  integer(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) {
      throw new ConfigurationError(`${name} must be a whole number from ${min} to ${max}`);
    }
    return value;
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const text = this.text(name) ?? fallback;
    const value = values.find((each) => each === text);
    if (value === undefined) throw new ConfigurationError(`${name} must be one of ${values.join(', ')}`);
    return value;
  }
}

function readText(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConfigurationError(`cannot read the file of ${name} (${reason})`);
  }
}

function databaseConfiguration(url: string | undefined, dataDir: string): DatabaseConfiguration {
  if (url === undefined) return { type: 'sqlite', path: join(dataDir, 'ipdr.sqlite') };
  if (/^sqlite:[^:]/.test(url)) {
    return { type: 'sqlite', path: url.slice('sqlite:'.length) };
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (
    parsed?.protocol === 'mysql:' &&
    parsed.hostname !== '' &&
    parsed.pathname.length > 1 &&
    parsed.search === '' && // silently ignoring options such as TLS would be dangerous
    isDecodable(url)
  ) {
    return { type: 'mysql', url };
  }
  throw new ConfigurationError(
    'DATABASE_URL must be sqlite:PATH or mysql://user:password@host:3306/name ' +
      '(percent-encode special characters in the password)',
  );
}

function isDecodable(url: string): boolean {
  try {
    return decodeURIComponent(url) !== '';
  } catch {
    return false;
  }
}

function timeZone(name: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone && name;
  } catch {
    throw new ConfigurationError('TIME_ZONE must be an IANA time zone such as Asia/Kolkata or UTC');
  }
}

function tls(certFile: string | undefined, keyFile: string | undefined): Configuration['tls'] {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new ConfigurationError('TLS_CERT_FILE and TLS_KEY_FILE must both be set, or neither');
  }
  const pair = { cert: readText('TLS_CERT_FILE', certFile), key: readText('TLS_KEY_FILE', keyFile) };
  try {
    createSecureContext(pair);
  } catch {
    throw new ConfigurationError(
      'TLS_CERT_FILE and TLS_KEY_FILE must contain a PEM certificate and its private key',
    );
  }
  return pair;
}

function trustProxy(text: string): AddressList {
  try {
    return addressList(text.split(/[\s,]+/).filter((part) => part !== ''));
  } catch {
    throw new ConfigurationError('TRUST_PROXY must be a list of IP addresses or CIDRs, separated by commas');
  }
}
