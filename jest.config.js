/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testEnvironment: '<rootDir>/test/support/environment.js',
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  maxWorkers: 3, // on two processors: they wait for databases and programs half of the time
  testTimeout: 120_000, // the first test that starts the program waits until that is built
  forceExit: true, // what a failed test left open must not keep the run from ending
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
