/**
 * What completion knows, fetched once and kept: functions and settings of the server, fields of tables by the catalog
 * (from the schema, else from records), headers from the newest records. Asked for when a statement names a table.
 */
import { behind, rest, serverUrl } from '../session/server.ts'
import type { Topic } from '../explorer/topics.ts'
import { topicsStore } from '../explorer/topics-store.ts'
import { studio } from '../store.ts'
import { connect } from '../../client/connect.ts'
import type { Known, KnownField, Vocabulary } from './complete.ts'
import { tableText } from './lints.ts'

/** Limit `studio.fields.tables` (tables): tables whose fields are kept. Beyond it: all are fetched again. */
const MAX_TABLES = 500
/** How many of the newest records are looked at for headers. */
const HEADER_RECORDS = 50

let vocabulary: Vocabulary = { functions: [], settings: [] }
let asked: Promise<void> | undefined
let environment: string | undefined
const fields = new Map<string, readonly KnownField[] | Promise<void>>()
const headers = new Map<string, readonly string[] | Promise<void>>()

// After a logout nothing of what was seen is left.
studio.subscribe(() => {
  if (studio.get().session.kind !== 'in') {
    fields.clear()
    headers.clear()
  }
})

/** Forgets what belongs to another environment, and asks for the vocabulary. */
async function ready(): Promise<string | undefined> {
  const now = studio.get().environment
  if (now !== environment) {
    environment = now
    fields.clear()
    headers.clear()
  }
  if (now === undefined) return undefined
  asked ??= rest<Vocabulary>(behind(now, 'api/v1/sql/vocabulary')).then(
    (words) => {
      vocabulary = words
    },
    () => {
      asked = undefined
    },
  )
  await asked
  return now
}

/** Resolves when what is known of these tables is there, or could not be had. */
export async function learn(tables: readonly string[], withHeaders: boolean): Promise<void> {
  const now = await ready()
  if (now === undefined) return
  if (fields.size > MAX_TABLES) fields.clear()
  const missing = tables.filter((name) => !fields.has(name))
  if (missing.length > 0) {
    const answer = rest<{ tables: readonly { name: string; fields: readonly KnownField[] }[] }>(
      behind(now, 'api/v1/sql/fields'),
      { method: 'POST', body: JSON.stringify({ tables: missing }) },
    ).then(
      (found) => {
        for (const table of found.tables) fields.set(table.name, table.fields)
      },
      () => missing.forEach((name) => fields.delete(name)),
    )
    for (const name of missing) fields.set(name, answer)
  }
  await Promise.all(tables.map((name) => fields.get(name)))
  if (withHeaders) await Promise.all(tables.map((name) => headersOf(now, name)))
}

function headersOf(now: string, name: string): Promise<void> {
  const known = headers.get(name)
  if (known !== undefined) return Promise.resolve(known).then(() => undefined)
  const sql = `SELECT HEADERKEYS() AS names FROM ${tableText(name)} ORDER BY _meta.offset DESC LIMIT ${HEADER_RECORDS}`
  const answer = readHeaders(now, sql).then(
    (names) => void headers.set(name, names),
    () => void headers.delete(name),
  )
  headers.set(name, answer)
  return answer
}

async function readHeaders(now: string, sql: string): Promise<readonly string[]> {
  const names = new Set<string>()
  for await (const event of connect({ url: serverUrl(), environment: now }).query(sql)) {
    if (event.type !== 'RECORD') continue
    const { names: found } = event.data.value as { names?: unknown }
    if (Array.isArray(found)) for (const name of found) names.add(String(name))
  }
  return [...names].sort()
}

/** Made once for each list: completion asks with every key. */
let lastOffered: { readonly of: readonly Topic[]; readonly topics: Known['topics'] } | undefined
function offered(topics: readonly Topic[]): Known['topics'] {
  if (lastOffered?.of !== topics)
    lastOffered = { of: topics, topics: topics.map(({ name, details }) => ({ name, detail: details?.valueFormat })) }
  return lastOffered.topics
}

/** As it stands now; `learn` makes it more. */
export function known(): Known {
  return {
    topics: offered(topicsStore.get().topics),
    vocabulary,
    fields: (table) => listOf(fields.get(table)),
    headers: (table) => listOf(headers.get(table)),
  }
}

function listOf<T>(found: readonly T[] | Promise<void> | undefined): readonly T[] {
  return Array.isArray(found) ? found : []
}
