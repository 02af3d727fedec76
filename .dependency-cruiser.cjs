/**
 * The layers of docs/architecture.md, as rules. test/boundaries.spec.ts breaks each once and sees it bite.
 * SRC is the folder that holds the features: the fixture tree has another one.
 */
const src = process.env.BOUNDARIES_SRC ?? 'src';
const FEATURE = `^${src}/(?!shared/)([^/]+)/`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'domain-depends-on-domain-alone',
      comment: 'Rules of the field are plain TypeScript: no framework, no database, no other layer.',
      severity: 'error',
      from: { path: `${FEATURE}domain/`, pathNot: '\\.spec\\.ts$' },
      to: {
        pathNot: [
          `^${src}/$1/domain/`,
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
      name: 'features-meet-in-application',
      comment:
        "Another feature is reached through its application layer; controllers also use access's decorators, which are how a route says who may call it, and DTOs, which are what clients see of a feature.",
      severity: 'error',
      from: { path: FEATURE },
      to: {
        path: `^${src}/(?!shared/)[^/]+/`,
        pathNot: [
          `^${src}/$1/`,
          `^${src}/[^/]+/application/`,
          `^${src}/access/infrastructure/access\\.decorators\\.ts$`,
          `^${src}/[^/]+/infrastructure/[^/]+\\.dto\\.ts$`,
        ],
      },
    },
    {
      name: 'shared-knows-no-feature',
      severity: 'error',
      from: { path: `^${src}/shared/` },
      to: { path: `^${src}/(?!shared/)` },
    },
    {
      name: 'src-stands-alone',
      comment: 'The CLI configuration, tests and benchmarks import the source, never the reverse.',
      severity: 'error',
      from: { path: `^${src}/` },
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
