const { availableParallelism } = require('node:os');

/** Unit specs need nothing; integration specs and test/ need KAFKA_BROKERS and DATABASE_URL, which `npm test` provides. */
const common = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^@talaria/([^/]+)$': '<rootDir>/libs/$1/src',
    '^@talaria/([^/]+)/([^/]+)$': '<rootDir>/libs/$1/src/$2',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.talaria'],
};

module.exports = {
  // Tests wait for conditions; this only ends those whose condition never comes.
  testTimeout: 30_000,
  // Most specs wait for Kafka, Postgres or processes: of two at a time each takes little longer, on two cores too, where jest would run them
  // one after another. All share one broker and one Postgres of 100 connections or more: not more than four.
  maxWorkers: Math.min(4, Math.max(2, availableParallelism() - 1)),
  testSequencer: '<rootDir>/tools/test/sequencer.cjs',
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '\\.int\\.spec\\.ts$', '<rootDir>/test/', '<rootDir>/dist/'],
    },
    {
      ...common,
      displayName: 'integration',
      testMatch: ['<rootDir>/**/*.int.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/dist/'],
    },
    { ...common, displayName: 'platform', testMatch: ['<rootDir>/test/**/*.spec.ts'] },
  ],
};
