/**
 * Words that statements begin with or go on with: those that are known, and what to write instead of those that are
 * not.
 */

export const DROPPABLE: ReadonlyMap<string, 'table' | 'view' | 'synonym'> = new Map([
  ['TABLE', 'table'],
  ['VIEW', 'view'],
  ['SYNONYM', 'synonym'],
])

/** What SHOW takes as one word. */
export const SHOW_FIRST: ReadonlySet<string> = new Set([
  'TABLES',
  'FUNCTIONS',
  'VIEWS',
  'VIEW',
  'SYNONYMS',
  'QUERIES',
  'SETTINGS',
])

/** What SHOW takes as two words: the second by the first. */
export const SHOW_SECOND: ReadonlyMap<string, string> = new Map([
  ['TABLE', 'TYPES'],
  ['VIRTUAL', 'TABLES'],
  ['ALL', 'QUERIES'],
  ['CREATE', 'TABLE'],
])

/** All forms of SHOW, for the message. */
export const SHOW_FORMS = [
  'TABLES',
  'TABLE TYPES',
  'VIRTUAL TABLES',
  'FUNCTIONS',
  'VIEWS',
  'VIEW v',
  'SYNONYMS',
  'QUERIES',
  'ALL QUERIES',
  'SETTINGS',
  'CREATE TABLE t',
]

/** What other dialects show, and what to write instead. */
export const SHOW_HINTS: ReadonlyMap<string, string> = new Map([
  ['TOPICS', 'Topics are tables: SHOW TABLES.'],
  ['COLUMNS', 'Use DESCRIBE TABLE t.'],
  ['FIELDS', 'Use DESCRIBE TABLE t.'],
  ['DATABASES', 'There is one: SHOW TABLES.'],
  ['SCHEMAS', 'There is one: SHOW TABLES.'],
  ['PROCESSLIST', 'Use SHOW QUERIES.'],
])

/** What other dialects CREATE and DROP, and what it is here. */
export const THING_HINTS: ReadonlyMap<string, string> = new Map([
  ['TOPIC', 'A topic is a TABLE here.'],
  ['STREAM', 'Streaming SQL is not offered; a topic is a TABLE here.'],
  ['INDEX', 'Topics have no index.'],
  ['DATABASE', 'A topic is a TABLE here.'],
  ['SCHEMA', 'A topic is a TABLE here.'],
])

/** Statements of other dialects that are understood and refused, with the way to do it here. */
export const NOT_OFFERED: ReadonlyMap<string, string> = new Map([
  ['ALTER', 'DROP the table, view or synonym and CREATE it again.'],
  ['UPDATE', 'INSERT a record with the same _key: in a compacted topic it replaces the older one.'],
  ['UPSERT', 'INSERT a record with the same _key: in a compacted topic it replaces the older one.'],
  [
    'MERGE',
    'INSERT INTO … SELECT … writes records; one with the same _key replaces the older one in a compacted topic.',
  ],
  ['GRANT', 'Permissions are configuration of the server.'],
  ['REVOKE', 'Permissions are configuration of the server.'],
  ['BEGIN', 'There are no transactions: each statement stands for itself.'],
  ['COMMIT', 'There are no transactions: each statement stands for itself.'],
  ['ROLLBACK', 'There are no transactions: each statement stands for itself.'],
  ['PRINT', 'Write SELECT * FROM t, or for the newest SELECT * FROM t ORDER BY _meta.timestamp DESC LIMIT 10.'],
  ['REFRESH', 'Schemas and formats are looked up anew by themselves.'],
  ['ANALYZE', 'EXPLAIN query says what will be read, and asks Kafka for how much.'],
  ['CALL', 'There are no procedures.'],
  ['EXECUTE', 'There are no procedures and no prepared statements.'],
  ['PREPARE', 'There are no procedures and no prepared statements.'],
  ['TERMINATE', 'KILL QUERY id ends a query; SHOW QUERIES lists those that run.'],
])
