/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testEnvironment: '<rootDir>/test/support/environment.js',
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  maxWorkers: 3, // More than the two processors: tests wait for databases and programs half of the time.
  testTimeout: 120_000, // The first test that starts the program waits for its build.
  forceExit: true, // Whatever a failed test left open must not keep the run alive.
  testRegex: /spec\.ts$/.source,
  // Needs a Galera cluster: `npm run test:cluster`.
  testPathIgnorePatterns: ['/node_modules/', /test\/cluster\.e2e-spec/.source],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { [/^(\.{1,2}\/.*)\.js$/.source]: '$1' },
  transform: {
    [/\.ts$/.source]: [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
