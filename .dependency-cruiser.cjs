/** The arrows of the architecture: what may import what. Specs may also use test/kit. */
const leafLibs = 'contracts|whatsapp|rate-limit|process-lock|config';

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'leaf-libs-import-nothing-of-ours',
      severity: 'error',
      from: { path: `^libs/(${leafLibs})/`, pathNot: '\\.spec\\.ts$' },
      to: { path: '^(apps|libs|tools|test|examples)/', pathNot: '^libs/$1/' },
    },
    {
      name: 'observability-imports-config-only',
      severity: 'error',
      from: { path: '^libs/observability/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(apps|libs|tools|test|examples)/', pathNot: '^libs/(observability|config)/' },
    },
    {
      name: 'kafka-and-database-import-observability-and-config-only',
      severity: 'error',
      from: { path: '^libs/(kafka|database)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(apps|libs|tools|test|examples)/', pathNot: '^libs/($1|observability|config)/' },
    },
    {
      name: 'registry-imports-config-only',
      severity: 'error',
      from: { path: '^libs/registry/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(apps|libs|tools|test|examples)/', pathNot: '^libs/(registry|config)/' },
    },
    {
      name: 'client-imports-contracts-kafka-and-observability-only',
      severity: 'error',
      from: { path: '^libs/client/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^(apps|libs|tools|test|examples)/',
        pathNot: '^libs/(client|contracts|kafka|observability)/',
      },
    },
    {
      name: 'spool-imports-contracts-kafka-observability-and-process-lock-only',
      severity: 'error',
      from: { path: '^libs/spool/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^(apps|libs|tools|test|examples)/',
        pathNot: '^libs/(spool|contracts|kafka|observability|process-lock)/',
      },
    },
    {
      name: 'operations-import-libs-only',
      severity: 'error',
      from: { path: '^libs/operations/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(apps|tools|test|examples)/' },
    },
    {
      name: 'operations-are-for-programs',
      severity: 'error',
      from: { path: '^libs/', pathNot: '^libs/operations/' },
      to: { path: '^libs/operations/' },
    },
    {
      name: 'apps-do-not-import-each-other',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(apps|tools|test|examples)/', pathNot: '^apps/$1/' },
    },
    {
      // Beside it what not every program is to load.
      name: 'libs-are-entered-by-their-index',
      severity: 'error',
      from: { path: '^(apps|tools|test|examples)/' },
      to: {
        path: '^libs/[^/]+/src/',
        pathNot: '^libs/[^/]+/src/(index|tracing(-by-hand)?|private-server|transport)\\.ts$',
      },
    },
    {
      name: 'no-development-tools-in-the-product',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: ['\\.spec\\.ts$', '^apps/[^/]+/testing/'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'only-what-exists', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
