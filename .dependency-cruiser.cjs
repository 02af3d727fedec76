/**
 * The house of docs/architecture.md, as rules. test/boundaries.spec.ts breaks each once and sees it bite.
 * SRC is the folder that holds the features: the fixture tree has another one.
 */
const src = process.env.BOUNDARIES_SRC ?? 'src';

/** A feature may import those before it, never those after it. */
const ORDER = [
  'shared',
  'identity',
  'versions',
  'history',
  'idempotency',
  'access',
  'customers',
  'ip-mappings',
  'lookup',
  'changes',
  'coverage',
  'audit',
  'retention',
  'operations',
];
const FEATURE = `^${src}/(?!shared/)([^/]+)/`;
const ANY_FEATURE = `^${src}/(?!shared/)[^/]+/`;

const order = ORDER.slice(0, -1).map((feature, n) => ({
  name: 'features-in-order',
  comment: 'Imports between features point one way: to those before it in ORDER. A need upward is a port.',
  severity: 'error',
  from: { path: `^${src}/${feature}/` },
  to: { path: `^${src}/(${ORDER.slice(n + 1).join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...order,
    {
      name: 'features-are-declared',
      comment: 'A folder of src is a feature with a place in ORDER.',
      severity: 'error',
      from: { path: `^${src}/(?!(${ORDER.join('|')})/)[^/]+/` },
      to: {},
    },
    {
      name: 'repositories-are-private',
      comment: "A repository is nobody's door: other features use what the feature offers in its own words.",
      severity: 'error',
      from: { path: FEATURE },
      to: { path: '\\.(repository|repositories)\\.ts$', pathNot: `^${src}/$1/` },
    },
    {
      name: 'features-meet-at-doors',
      comment:
        'Of another feature: its domain language, its application, its DTOs, decorators and modules. Repositories are built of what versions offers.',
      severity: 'error',
      from: { path: FEATURE },
      to: {
        path: ANY_FEATURE,
        pathNot: [
          `^${src}/$1/`,
          `^${src}/[^/]+/(domain|application)/`,
          `^${src}/[^/]+/infrastructure/[^/]+\\.(dto|decorators)\\.ts$`,
          `^${src}/[^/]+/[^/]+\\.module\\.ts$`,
          `^${src}/versions/infrastructure/`,
        ],
      },
    },
    {
      name: 'domain-depends-on-domain-alone',
      comment: 'Rules of the field are plain TypeScript: no framework, no database, no other layer.',
      severity: 'error',
      from: { path: `${FEATURE}domain/`, pathNot: '\\.spec\\.ts$' },
      to: {
        pathNot: [
          `^${src}/[^/]+/domain/`,
          `^${src}/shared/(errors|invalid-value|ip-address)\\.ts$`,
          '^(node:)?(crypto|net|zlib)$',
        ],
      },
    },
    {
      name: 'application-knows-no-infrastructure',
      comment: 'Use cases talk to ports; which database or protocol is behind them is not theirs to know.',
      severity: 'error',
      from: { path: `${FEATURE}application/`, pathNot: '\\.spec\\.ts$' },
      to: {
        path: [
          `^${src}/[^/]+/infrastructure/`,
          `^${src}/shared/(database|http|config)/`,
          '/(typeorm|express|mysql2|better-sqlite3)/',
        ],
      },
    },
    {
      name: 'src-stands-alone',
      comment:
        'The CLI configuration, tests and benchmarks import the source, never the reverse; specs use the fakes.',
      severity: 'error',
      from: { path: `^${src}/`, pathNot: '\\.spec\\.ts$' },
      to: { path: '^(ormconfig\\.ts$|test/|bench/)', pathNot: `^${src}/` },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
