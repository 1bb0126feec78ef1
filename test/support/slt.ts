/**
 * Golden SQL files: reads a `.slt` file into a world and cases, runs a case through the engine, and writes answers
 * back. The format is described in test/sql/README.md. It compares text and knows no SQL.
 */
import { MessageChannel } from 'node:worker_threads'
import type { ExchangePort } from '../../src/engine/exchange/port.ts'
import { help, type HelperEnvironment } from '../../src/engine/exchange/read-share.ts'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { FrameSink, QueryEnvironment } from '../../src/engine/host.ts'
import { runRequest } from '../../src/engine/request.ts'
import type { QueryRequest } from '../../src/protocol/frames.ts'
import { parseExact, rawMembers, valueEnd } from './exact-json.ts'
import type { WorldFormat, WorldRecord, WorldTopic, WorldValue } from './memory-world.ts'

export type CaseKind = 'query' | 'frames' | 'error' | 'explain'

export interface SltCase {
  readonly kind: CaseKind
  /** 1-based line of the case's first line. */
  readonly line: number
  readonly options: {
    readonly rowsort: boolean
    readonly key: boolean
    readonly meta: boolean
    readonly live: boolean
    readonly statsMs?: number
  }
  readonly sql: string
  readonly expected: readonly string[]
  /** 0-based lines [from, to) of the expected text in the file. */
  readonly expectedAt: { readonly from: number; readonly to: number }
  readonly defaults: Readonly<Record<string, string>>
}

/** A query of which only the statement matters: `{ ...ANY_CASE, sql }`. */
export const ANY_CASE: SltCase = {
  kind: 'query',
  line: 0,
  options: { rowsort: false, key: false, meta: false, live: false },
  sql: '',
  expected: [],
  expectedAt: { from: 0, to: 0 },
  defaults: {},
}

export interface SltFile {
  readonly path: string
  readonly lines: readonly string[]
  readonly topics: readonly WorldTopic[]
  readonly cases: readonly SltCase[]
}

/**
 * Reads a file; whatever is not of the format is an Error that names file and line. Of a page of documentation (`.md`)
 * the blocks between ```` ```slt ```` and ```` ``` ```` are read, together one world.
 */
export function readSlt(file: string): SltFile {
  const written = readFileSync(file, 'utf8').split('\n')
  const lines = file.endsWith('.md') ? onlyBlocks(written) : written
  const topics: WorldTopic[] = []
  const cases: SltCase[] = []
  let defaults: Record<string, string> = {}
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]
    const end = blockEnd(lines, at)
    try {
      if (line.trim() === '' || line.startsWith('#')) at++
      else if (/^(set|unset) /.test(line)) {
        defaults = changed(defaults, line)
        at++
      } else if (line.startsWith('topic ')) {
        topics.push(readTopic(lines, at, end, path.dirname(file)))
        at = end
      } else {
        cases.push(readCase(lines, at, end, defaults))
        at = end
      }
    } catch (error) {
      throw new Error(`${file}:${at + 1}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { path: file, lines: written, topics, cases }
}

/** The lines of the ```slt blocks at their places, everything else blank. */
function onlyBlocks(lines: readonly string[]): string[] {
  let inside = false
  return lines.map((line) => {
    const fence = line.startsWith('```')
    if (fence) inside = line.trim() === '```slt'
    return inside && !fence ? line : ''
  })
}

function blockEnd(lines: readonly string[], at: number): number {
  let end = at
  while (end < lines.length && lines[end].trim() !== '') end++
  return end
}

function changed(defaults: Readonly<Record<string, string>>, line: string): Record<string, string> {
  const next = { ...defaults }
  const set = /^set\s+([\w.]+)\s*=\s*(.*?)\s*$/.exec(line)
  const unset = /^unset\s+([\w.]+)\s*$/.exec(line)
  if (set !== null) next[set[1]] = set[2]
  else if (unset !== null) delete next[unset[1]]
  else throw new Error('expected "set name = value" or "unset name"')
  return next
}

// ---------------------------------------------------------------------------------------------- topics

function readTopic(lines: readonly string[], at: number, end: number, folder: string): WorldTopic {
  const [, name, ...words] = lines[at].trim().split(/\s+/)
  const options = new Map(
    words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const),
  )
  const take = (option: string): string | undefined => {
    const value = options.get(option)
    options.delete(option)
    return value
  }
  const format = (side: 'key' | 'value', fallback: string): WorldFormat =>
    readFormat(take(side) ?? fallback, folder, take(`${side}Subject`))
  const number = (option: string): number | undefined => {
    const value = take(option)
    return value === undefined ? undefined : Number(value)
  }
  const topic: WorldTopic = {
    name,
    partitions: number('partitions'),
    key: format('key', 'string'),
    value: format('value', 'json'),
    detect: take('formats') === 'detect',
    batch: number('batch'),
    logStart: number('start'),
    compacted: take('cleanup') === 'compact',
    logAppendTime: take('time') === 'append',
    records: lines.slice(at + 1, end).map((line, i) => {
      try {
        return readRecord(line)
      } catch (error) {
        throw new Error(`record ${i + 1}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }),
  }
  if (options.size > 0) throw new Error(`unknown topic option ${[...options.keys()].join(', ')}`)
  return topic
}

const PLAIN = ['STRING', 'JSON', 'INT', 'LONG', 'FLOAT', 'DOUBLE', 'BYTES', 'UUID', 'XML', 'MSGPACK'] as const
const WINDOWED = ['TWSTRING', 'TWLONG', 'TWJSON', 'SWSTRING', 'SWLONG', 'SWJSON'] as const

function readFormat(text: string, folder: string, subject: string | undefined): WorldFormat {
  const [name, files] = [text.split(':')[0].toUpperCase(), text.split(':')[1]]
  if (name === 'AVRO' || name === 'JSONSCHEMA' || name === 'PROTOBUF') {
    if (files === undefined) throw new Error(`${name} needs a schema file: ${name.toLowerCase()}:name.avsc`)
    return { name, schemas: files.split(',').map((f) => readFileSync(path.join(folder, f), 'utf8')), subject }
  }
  if (name === 'CSV') return { name, header: files?.split(',') }
  const plain = PLAIN.find((p) => p === name) ?? WINDOWED.find((p) => p === name)
  if (plain === undefined) throw new Error(`unknown format ${text}`)
  return { name: plain }
}

function readRecord(line: string): WorldRecord {
  const head = /^\s*(?:@(\d+)\s+)?(\d+)\s+(\S+)\s+/.exec(line)
  if (head === null) throw new Error('expected "[@offset] partition timestamp key value"')
  const timestampMs = /^-?\d+$/.test(head[3]) ? Number(head[3]) : Date.parse(head[3])
  if (Number.isNaN(timestampMs)) throw new Error(`"${head[3]}" is not a timestamp`)
  const key = readLiteral(line, head[0].length)
  const value = readLiteral(line, key.end)
  const rest = line.slice(value.end).trim()
  if (rest !== '' && !rest.startsWith('headers=')) throw new Error(`"${rest}" after the value`)
  return {
    partition: Number(head[2]),
    timestampMs,
    key: key.value,
    value: value.value,
    headers: rest === '' ? [] : readHeaders(rest.slice('headers='.length)),
    offset: head[1] === undefined ? undefined : Number(head[1]),
  }
}

function readLiteral(line: string, from: number): { value: WorldValue; end: number } {
  let at = from
  while (line[at] === ' ') at++
  const hex = /^!hex\s+([0-9a-fA-F]*)/.exec(line.slice(at))
  if (hex !== null) return { value: Buffer.from(hex[1], 'hex'), end: at + hex[0].length }
  const raw = /^!utf8\s+/.exec(line.slice(at))
  if (raw !== null) at += raw[0].length
  const writer = /^#(\d+)\s+/.exec(line.slice(at))
  if (writer !== null) at += writer[0].length
  const end = valueEnd(line, at)
  const text = line.slice(at, end)
  if (text === '') throw new Error('a key or value is missing')
  if (text === 'null') return { value: null, end }
  const json = parseExact(text)
  return {
    value:
      raw === null
        ? { json, text, writer: writer === null ? undefined : Number(writer[1]) }
        : Buffer.from(String(json)),
    end,
  }
}

function readHeaders(text: string): { key: string; value: Uint8Array | null }[] {
  return Object.entries(JSON.parse(text) as Record<string, string | null | (string | null)[]>).flatMap(
    ([key, values]) =>
      [values].flat().map((value) => ({
        key,
        value: value === null ? null : value.startsWith('0x') ? Buffer.from(value.slice(2), 'hex') : Buffer.from(value),
      })),
  )
}

// ---------------------------------------------------------------------------------------------- cases

const KINDS: readonly CaseKind[] = ['query', 'frames', 'error', 'explain']

function readCase(
  lines: readonly string[],
  at: number,
  end: number,
  defaults: Readonly<Record<string, string>>,
): SltCase {
  const [first, ...words] = lines[at].trim().split(/\s+/)
  const kind = KINDS.find((k) => k === first)
  if (kind === undefined) throw new Error(`"${first}" is neither topic, set, nor one of ${KINDS.join(', ')}`)
  const rule = lines.indexOf('----', at)
  const from = rule < 0 || rule >= end ? end : rule + 1
  const stats = words.find((w) => w.startsWith('stats='))
  const unknown = words.find((w) => !['rowsort', 'key', 'meta', 'live', stats].includes(w))
  if (unknown !== undefined) throw new Error(`unknown word "${unknown}"`)
  return {
    kind,
    line: at + 1,
    options: {
      rowsort: words.includes('rowsort'),
      key: words.includes('key'),
      meta: words.includes('meta'),
      live: words.includes('live'),
      statsMs: stats === undefined ? undefined : Number(stats.slice(6)),
    },
    sql: lines.slice(at + 1, rule < 0 || rule >= end ? end : rule).join('\n'),
    expected: lines.slice(from, end),
    expectedAt: { from, to: end },
    defaults,
  }
}

/** What a case gives, in the lines of the format. `optimize: false` runs the plan as it was bound. */
export async function runCase(
  item: SltCase,
  world: Pick<QueryEnvironment, 'catalog' | 'log'> & Partial<Pick<QueryEnvironment, 'administration' | 'other'>>,
  options: { readonly rulesOff?: ReadonlySet<string> | 'all'; readonly readers?: number } = {},
): Promise<string[]> {
  const frames: string[] = []
  const sink: FrameSink = { send: (frame) => void frames.push(frame), drained: () => undefined }
  await runRequest(
    caseRequest(item),
    {
      catalog: world.catalog,
      log: world.log,
      administration: world.administration,
      other: world.other,
      defaults: options.readers === undefined ? item.defaults : { 'query.parallel': options.readers, ...item.defaults },
      rulesOff: options.rulesOff,
      helpers: options.readers === undefined ? undefined : async (most) => helpersHere(most, world),
    },
    sink,
    new AbortController().signal,
  )
  return caseLines(item, frames)
}

/** Helpers of a scan on the same thread: everything but the thread is as on a server. */
export function helpersHere(most: number, world: HelperEnvironment): ExchangePort[] {
  return Array.from({ length: most }, () => {
    const { port1, port2 } = new MessageChannel()
    void help(port1, world)
    return port2
  })
}

/** The request that a case makes. */
export function caseRequest(item: SltCase): QueryRequest {
  return {
    sql: item.kind === 'explain' ? `EXPLAIN ${item.sql}` : item.sql,
    live: item.options.live,
    statsMs: item.options.statsMs,
  }
}

/** Several readers tell of bad records as each of them meets one: their order is nobody's. */
export function badFirst(lines: readonly string[]): string[] {
  const isBad = (line: string): boolean => line.startsWith('BADRECORD')
  return [...lines.filter(isBad).sort(), ...lines.filter((line) => !isBad(line))]
}

/** The frames of the answer in the lines of the format. */
export function caseLines(item: SltCase, frames: readonly string[]): string[] {
  if (item.kind === 'frames')
    return frames.filter((frame) => !/^\{"type":"(END|HEARTBEAT)"/.test(frame)).map(normalFrame)
  const lines = frames.flatMap((frame) => frameLines(frame, item))
  return item.options.rowsort ? lines.sort() : lines
}

/** Ids and times are different every time. */
function normalFrame(frame: string): string {
  return frame
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replace(/"(duration|startedAt)":\d+/g, '"$1":0')
}

function frameLines(frame: string, item: SltCase): string[] {
  const members = rawMembers(frame)
  const data = members.get('data') ?? 'null'
  switch (JSON.parse(members.get('type') ?? '""')) {
    case 'RECORD':
      return recordLines(rawMembers(data), item)
    case 'BADRECORD': {
      const { partition, offset } = (JSON.parse(data) as { metadata: { partition: number; offset: number } }).metadata
      return [`BADRECORD ${partition}/${offset}`]
    }
    case 'SENTINEL':
      return [`SENTINEL ${(JSON.parse(data) as { reason: { type: string } }).reason.type}`]
    case 'ERROR': {
      const text = (JSON.parse(data) as string).split('\n')
      return item.kind === 'error' ? text : [`ERROR ${text[0]}`, ...text.slice(1)]
    }
    case 'METADATA':
    case 'STATS':
    case 'HEARTBEAT':
    case 'END':
      return []
    default:
      return [frame]
  }
}

function recordLines(record: ReadonlyMap<string, string>, item: SltCase): string[] {
  const value = record.get('value') ?? '-'
  if (item.kind === 'explain') return explainLines(value)
  const meta = rawMembers(record.get('metadata') ?? '{}')
  const parts = [
    item.options.key ? (record.get('key') ?? '-') : undefined,
    value,
    item.options.meta ? `${meta.get('partition') ?? '-'}/${meta.get('offset') ?? '-'}` : undefined,
  ]
  return [parts.filter((p) => p !== undefined).join(' ')]
}

/** EXPLAIN answers with rows of one text column: the text. */
function explainLines(value: string): string[] {
  const parsed = JSON.parse(value) as unknown
  const only = typeof parsed === 'object' && parsed !== null ? Object.values(parsed) : [parsed]
  return only.length === 1 && typeof only[0] === 'string' ? only[0].split('\n').map((l) => l.trimEnd()) : [value]
}

/** The lines to compare with: sorted like the answer where the case says so. */
export function expectedLines(item: SltCase): string[] {
  return item.options.rowsort ? [...item.expected].sort() : [...item.expected]
}

/** The file's text with new answers: `answers[i]` belongs to `cases[i]`, undefined keeps the old one. */
export function withAnswers(file: SltFile, answers: readonly (readonly string[] | undefined)[]): string {
  const lines = [...file.lines]
  for (let i = file.cases.length - 1; i >= 0; i--) {
    const answer = answers[i]
    if (answer === undefined || answer.join('\n') === expectedLines(file.cases[i]).join('\n')) continue
    const { from, to } = file.cases[i].expectedAt
    const rule = file.lines[from - 1] === '----' ? [] : ['----']
    lines.splice(from, to - from, ...rule, ...answer)
  }
  return lines.join('\n')
}
