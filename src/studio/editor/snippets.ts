/** Whole statements to begin with, made for a topic. Pure. */
import type { Topic } from '../explorer/topics.ts'
import { fieldText, tableText } from './lints.ts'

/** A statement with a place where the caret goes: `|`. */
export interface Snippet {
  readonly label: string
  readonly about: string
  readonly sql: string
}

/** For the topic that is named, or the first one; where there is none, for `topic`. */
export function snippets(topic: Topic | undefined, other?: Topic): readonly Snippet[] {
  const table = tableText(topic?.name ?? 'topic')
  const joined = tableText(other?.name ?? 'other_topic')
  const fields = topic?.details?.fields.filter(({ path }) => !path.startsWith('_key')) ?? []
  const by = fieldText((fields.find(({ type }) => /string|enum/.test(type)) ?? fields[0])?.path ?? 'field')
  const prefix = /^[a-zA-Z0-9]+/.exec(topic?.name ?? 'orders')?.[0] ?? 'orders'
  return [
    {
      label: 'count by',
      about: 'How many records there are of each value.',
      sql: `SELECT ${by}, count(*) AS n\nFROM ${table}\nGROUP BY ${by}\nORDER BY n DESC`,
    },
    {
      label: 'newest per key',
      about: 'The last record of each key.',
      sql: `SELECT _key, *\nFROM LATEST(${table})\nLIMIT 100`,
    },
    {
      label: 'newest first',
      about: 'The last records of a topic; it is read from its end.',
      sql: `SELECT *\nFROM ${table}\nORDER BY _meta.timestamp DESC\nLIMIT 100`,
    },
    {
      label: 'find in all topics',
      about: 'The same value in every topic whose name fits the pattern.',
      sql: `SELECT *\nFROM \`${prefix}*\`\nWHERE CAST(_value AS string) LIKE '%|%'\nLIMIT 100`,
    },
    {
      label: 'join',
      about: 'Records of two topics that belong together.',
      sql: `SELECT a.*, b.*\nFROM ${table} AS a\nJOIN ${joined} AS b ON a._key = b._key\nLIMIT 100`,
    },
    {
      label: 'bad records',
      about: 'Records that cannot be read, and why.',
      sql: `SELECT _meta.partition, _meta.offset, _error, _raw\nFROM ${table}\nWHERE _bad\nLIMIT 100`,
    },
  ]
}
