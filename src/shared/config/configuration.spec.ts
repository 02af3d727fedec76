import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { includesAddress } from '../address-list.js';
import { ConfigurationError, loadConfiguration, type Configuration } from './configuration.js';

const folder = mkdtempSync(join(tmpdir(), 'ipdr-configuration-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function messageOf(env: Record<string, string>): string {
  try {
    loadConfiguration(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(env)} was accepted`);
}

const TOKEN = '!"#$%&\'()*+,-./:;<=~';
const absent = join(folder, 'absent');
const cert = join(folder, 'cert');
const key = join(folder, 'key');
const request =
  'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=x -keyout'.split(' ');
execFileSync('openssl', [...request, key, '-out', cert], { stdio: 'ignore' });
const pair = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };

type Variable = {
  readonly name: string;
  /** Other variables that this one requires. */
  readonly given?: Record<string, string>;
  readonly read: (configuration: Configuration) => unknown;
  readonly fallback: unknown;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  readonly bad: readonly string[];
};

const VARIABLES: readonly Variable[] = [
  {
    name: 'HOST',
    read: ({ host }) => host,
    fallback: '127.0.0.1',
    good: [
      ['0.0.0.0', '0.0.0.0'],
      ['::', '::'],
    ],
    bad: [],
  },
  {
    name: 'PORT',
    read: ({ port }) => port,
    fallback: 8000,
    good: [
      ['0', 0],
      ['65535', 65535],
    ],
    bad: ['-1', '65536', '80a', '1e3', ' 80', '0x50', '80.0', 'SECRET'],
  },
  {
    name: 'DATA_DIR',
    read: ({ dataDir }) => dataDir,
    fallback: 'data',
    good: [['/var/x', '/var/x']],
    bad: [],
  },
  {
    name: 'DATABASE_URL',
    read: ({ database }) => database,
    fallback: { type: 'sqlite', path: 'data/ipdr.sqlite' },
    good: [
      ['sqlite:/var/x.sqlite', { type: 'sqlite', path: '/var/x.sqlite' }],
      ['mysql://u:p%40@db:3307/ipdr', { type: 'mysql', url: 'mysql://u:p%40@db:3307/ipdr' }],
      ['mysql://u@[::1]/ipdr', { type: 'mysql', url: 'mysql://u@[::1]/ipdr' }],
    ],
    bad: [
      'mysql://u:SECRET@db/ipdr?ssl=true',
      'sqlite::memory:',
      'sqlite:',
      'nonsense',
      '/var/x.sqlite',
      'postgres://u:SECRET@db/ipdr',
      'mysql:ipdr',
      'mysql://u:SECRET@db',
      'mysql://u:SECRET@db/',
      'mysql:///ipdr',
      'mysql://u:SECRET@db:99999/ipdr',
      'mysql://u:SEC#RET@db/ipdr',
      'mysql://u:SECRET%zz@db/ipdr',
      'mysql://%ff:SECRET@db/ipdr',
    ],
  },
  {
    name: 'ADMIN_API_TOKEN',
    read: ({ adminApiToken }) => adminApiToken,
    fallback: undefined,
    good: [[TOKEN, TOKEN]],
    bad: [],
  },
  {
    name: 'TIME_ZONE',
    read: ({ timeZone }) => timeZone,
    fallback: 'Asia/Kolkata',
    good: [
      ['UTC', 'UTC'],
      ['Europe/Berlin', 'Europe/Berlin'],
    ],
    bad: ['SECRET/Base', 'Asia/Kolkata ', 'IST-5:30', '5'],
  },
  {
    name: 'TLS_CERT_FILE',
    given: { TLS_KEY_FILE: key },
    read: ({ tls }) => tls,
    fallback: undefined,
    good: [[cert, pair]],
    bad: [absent, folder],
  },
  {
    name: 'TLS_KEY_FILE',
    given: { TLS_CERT_FILE: cert },
    read: ({ tls }) => tls,
    fallback: undefined,
    good: [[key, pair]],
    bad: [absent, folder],
  },
  {
    name: 'TRUST_PROXY',
    read: ({ trustProxy }) =>
      ['10.1.2.3', '127.0.0.1', '::1'].filter((address) => includesAddress(trustProxy, address)),
    fallback: [],
    good: [
      ['127.0.0.1', ['127.0.0.1']],
      ['10.0.0.0/8,::1', ['10.1.2.3', '::1']],
      [' 10.0.0.0/8 , 127.0.0.1 ', ['10.1.2.3', '127.0.0.1']],
    ],
    bad: ['SECRET', '10.0.0.0/33', '127.0.0.1;::1', 'true', '1'],
  },
  {
    name: 'RATE_LIMIT',
    read: ({ rateLimit }) => rateLimit,
    fallback: 6000,
    good: [
      ['0', 0],
      ['60', 60],
    ],
    bad: ['-5', '0.5', 'SECRET', '9999999999999999999'],
  },
  {
    name: 'SIGNIN_LIMIT',
    read: ({ signinLimit }) => signinLimit,
    fallback: 20,
    good: [
      ['0', 0],
      ['5', 5],
    ],
    bad: ['-5', '0.5', 'SECRET'],
  },
  {
    name: 'RETENTION_DAYS',
    read: ({ retentionDays }) => retentionDays,
    fallback: 730,
    good: [
      ['1', 1],
      ['3650', 3650],
    ],
    bad: ['0', '-5', '2y', 'SECRET'],
  },
  {
    name: 'LOG_LEVEL',
    read: ({ logLevel }) => logLevel,
    fallback: 'info',
    good: [
      ['debug', 'debug'],
      ['silent', 'silent'],
    ],
    bad: ['SECRET', 'INFO', 'toString'],
  },
];

describe.each(VARIABLES)('$name', ({ name, given = {}, read, fallback, good, bad }) => {
  const load = (text: string): unknown => read(loadConfiguration({ ...given, [name]: text }));

  it('has a default if it is not set or empty', () => {
    expect(read(loadConfiguration({}))).toEqual(fallback);
    if (Object.keys(given).length === 0) expect(load('')).toEqual(fallback);
  });

  it('accepts valid values', () => {
    for (const [text, value] of good) expect(load(text)).toEqual(value);
  });

  it('rejects anything else in one line with its name but without its value', () => {
    for (const text of bad) {
      const message = messageOf({ ...given, [name]: text });
      expect(message).toContain(name);
      expect(message).not.toContain('\n');
      expect(message).not.toMatch(/SECRET|x{19}/);
    }
  });
});

describe.each([
  [
    'DATABASE_URL',
    'mysql://u:SECRET@db/ipdr',
    ({ database }: Configuration) => 'url' in database && database.url,
  ],
  ['ADMIN_API_TOKEN', TOKEN, ({ adminApiToken }: Configuration) => adminApiToken],
])('%s_FILE', (name, value, read) => {
  it.each([
    ['without a line end', ''],
    ['with a line end', '\n'],
    ['with a Windows line end', '\r\n'],
  ])('reads the value from a file %s', (_case, end) => {
    expect(read(loadConfiguration({ [`${name}_FILE`]: file(name, `${value}${end}`) }))).toBe(value);
  });

  it('conflicts with the variable itself, unless one is empty', () => {
    const path = file(name, value);
    const message = messageOf({ [name]: value, [`${name}_FILE`]: path });
    expect(message).toBe(`${name} and ${name}_FILE are both set; set one of them`);
    expect(read(loadConfiguration({ [name]: '', [`${name}_FILE`]: path }))).toBe(value);
    expect(read(loadConfiguration({ [name]: value, [`${name}_FILE`]: '' }))).toBe(value);
  });

  it('is rejected in one line if the file cannot be read', () => {
    for (const path of [absent, folder]) {
      expect(messageOf({ [`${name}_FILE`]: path })).toMatch(
        new RegExp(`^cannot read the file of ${name}_FILE \\(\\w+\\)$`),
      );
    }
  });
});

it.each([
  ['nothing', ''],
  ['two lines', `SECRET-${'x'.repeat(20)}\nSECRET`],
])('DATABASE_URL_FILE is rejected if the file has %s, without quoting it', (_case, content) => {
  const message = messageOf({ DATABASE_URL_FILE: file('DATABASE_URL', content) });
  expect(message).toContain('DATABASE_URL');
  expect(message).not.toContain('SECRET');
});

describe('the configuration as a whole', () => {
  it('keeps the SQLite database in DATA_DIR', () => {
    expect(loadConfiguration({ DATA_DIR: '/var/x' }).database).toEqual({
      type: 'sqlite',
      path: '/var/x/ipdr.sqlite',
    });
  });

  it.each([
    ['TLS_CERT_FILE', cert],
    ['TLS_KEY_FILE', key],
  ])('rejects %s alone', (name, path) => {
    expect(messageOf({ [name]: path })).toBe('TLS_CERT_FILE and TLS_KEY_FILE must both be set, or neither');
  });

  it('is tested here completely', () => {
    expect(VARIABLES).toHaveLength(Object.keys(loadConfiguration({})).length + 1); // TLS has two
  });
});
