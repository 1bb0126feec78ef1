/**
 * Who may import whom. Each folder of src names the folders it may reach; everything else is forbidden. The rules beside that table: no cycles,
 * sockets only where connections are made, no Node module where code must run in a browser, development packages nowhere in src.
 */

/** Folder (or file, without its ending) → what it may import from src besides itself. */
const allowed = {
  lib: [],
  protocol: ['lib'],
  types: ['lib'],
  sql: ['lib'],
  codegen: ['lib'],
  kafka: ['lib'],
  registry: ['lib'],
  functions: ['lib', 'types', 'codegen'],
  formats: ['lib', 'types', 'codegen'],
  plan: ['lib', 'types', 'sql', 'functions', 'formats/format', 'formats/encoder'],
  engine: [
    'lib',
    'types',
    'sql',
    'codegen',
    'functions',
    'formats',
    'plan',
    'protocol',
    'kafka/log',
    'kafka/read/record-batch',
    'registry/registry',
  ],
  catalog: ['lib', 'types', 'formats', 'kafka', 'registry', 'plan', 'engine'],
  flink: ['lib', 'types', 'sql', 'plan', 'functions', 'formats', 'engine', 'kafka'],
  export: ['lib', 'types', 'sql/error', 'protocol', 'formats', 'engine'],
  server: [
    'lib',
    'types',
    'protocol',
    'sql',
    'codegen',
    'functions',
    'formats',
    'kafka',
    'registry',
    'plan',
    'engine',
    'catalog',
    'export',
    'flink',
  ],
  sandbox: ['lib', 'kafka'],
  client: ['protocol', 'lib'],
  cli: ['client', 'server', 'sql', 'protocol', 'lib', 'sandbox'],
  studio: ['client', 'protocol', 'sql', 'lib'],
}

/** `src/<name>/…` for a folder, `src/<name>.ts` for a file. */
const inside = (name) => `^src/${name}(/|\\.ts$)`

const table = Object.entries(allowed).map(([folder, reach]) => ({
  name: `imports-of-${folder}`,
  comment: `src/${folder} may import ${reach.length === 0 ? 'nothing' : reach.join(', ')} and itself`,
  severity: 'error',
  from: { path: inside(folder) },
  to: { path: '^src/', pathNot: [folder, ...reach].map(inside) },
}))

module.exports = {
  forbidden: [
    ...table,
    {
      name: 'no-cycles',
      comment: 'of types neither',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'known-folders-only',
      comment: 'a new folder needs a line in the table',
      severity: 'error',
      from: { path: '^src/', pathNot: Object.keys(allowed).map(inside) },
      to: {},
    },
    {
      name: 'sockets-where-connections-are-made',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [...['kafka', 'server', 'client', 'sandbox'].map(inside), '^src/registry/transport\\.ts$'],
      },
      to: { path: '^(node:)?(net|tls|http|https|http2|dgram)$|node_modules/(ws|fastify)/' },
    },
    {
      name: 'browser-safe',
      comment: 'these run in a browser too; the Node side of the client is src/client/*node*.ts',
      severity: 'error',
      from: {
        path: ['lib', 'protocol', 'sql', 'client', 'studio'].map(inside),
        pathNot: '^src/client/[^/]*node[^/]*\\.ts$',
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'product-does-not-import-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'no-development-packages',
      comment: 'the page is bundled: what it is made of is not installed with the package',
      severity: 'error',
      from: { path: '^src/', pathNot: inside('studio') },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' },
    },
    {
      name: 'page-packages-in-the-page',
      severity: 'error',
      from: { path: '^src/', pathNot: inside('studio') },
      to: { path: 'node_modules/(preact|@codemirror|@lezer|uplot|esbuild)/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}
