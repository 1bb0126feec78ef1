/**
 * Writes the loop over the records of a batch: one generated function per (query, key schema, value schema). It walks
 * the records in place, reads the wanted paths, filters, and then emits RECORD frames, feeds an aggregation, or pushes
 * rows. It is synchronous and stops after a budget of records, so that the event loop gets its turn.
 */
import { type Code, Emitter, join, js } from '../../codegen/emitter.ts'
import { type FacetDecoder, MAX_PAYLOAD_BYTES, type RecordFrame, type RenderOptions } from '../../formats/format.ts'
import type { EvaluationContext } from './expression/references.ts'
import type { RecordBatch } from '../../kafka/log.ts'
import type { TableFacet } from '../../plan/catalog.ts'
import type { Aggregate, BoundExpr, OutputShape, Scan } from '../../plan/plan.ts'
import { RECORD_FIELDS } from '../../types.ts'
import { aggregateStep } from './aggregate-code.ts'
import { declare } from './expression/code-parts.ts'
import { ExpressionCompiler } from './expression/expression.ts'
import type { AggregateState } from '../operators/aggregate/aggregate.ts'
import type { Operator } from '../operators/operator.ts'
import type { LimitState } from '../operators/row-operators.ts'
import { type FrameWriter, SENT } from '../frame-writer.ts'
import { OutputCompiler } from './output-code.ts'
import { RecordReferences } from './record-access.ts'
import { RecordCheck } from './record-check.ts'
import { metadataTimes, readVarlong } from './record-runtime.ts'

/** How a call of a record program ended. */
export const STATUS = {
  /** The budget or the batch is used up: look at `index`. */
  more: 0,
  /**
   * The record at hand was written with another schema: `keyId`/`valueId` say which; call the program made for them.
   */
  schema: 1,
  /** Nothing more is wanted (LIMIT reached). */
  done: 2,
  /** The output is full: drain it first. */
  pause: 3,
  /** The batch is not what its header says; the rest of it cannot be walked. */
  corrupt: 4,
} as const

/** What a program and its driver share while a scan runs. Mutable. */
export interface RecordState {
  topic: string
  /** Position of the next record in the batch's buffer, and its number in the batch. */
  at: number
  index: number
  /** Records that one call may look at. */
  budget: number
  /** Whether the call has taken long enough; asked after every `RECORDS_A_LOOK` of them. */
  late(): boolean
  /** Records looked at so far, in all. */
  scanned: number
  /** Schema ids that a `schema` status asks for (-1: none). */
  keyId: number
  valueId: number
  keyFramed: boolean
  valueFramed: boolean
  /** LAST_OFFSET() of the batch's partition. */
  lastOffset: number
  /**
   * In a program for bad records: why the record at hand is one, where that is known before it is looked at; else null.
   */
  trouble: string | null
  /** A record that cannot be read. */
  bad(offset: number, timestamp: number): void
}

/** So many at least are looked at in one call. */
export const RECORDS_A_LOOK = 64

/**
 * A generated function: works on the records of a batch from `state.at` on, moves `state.at` and `state.index` forward,
 * and returns why it stopped (a number of `STATUS`).
 */
export type RecordProgram = (state: RecordState, batch: RecordBatch) => number

/** What a record program does with a record that passes: write its frame, add it to groups, or push it as a row. */
export type Sink =
  | {
      readonly kind: 'emit'
      readonly shape: OutputShape
      readonly metadata: boolean
      readonly limit: LimitState
      readonly writer: Pick<FrameWriter, 'record'>
    }
  | { readonly kind: 'aggregate'; readonly plan: Aggregate; readonly state: AggregateState }
  /** `body`: the text of the frame's members stands in front of the columns. */
  | {
      readonly kind: 'rows'
      readonly body?: { readonly shape: OutputShape; readonly metadata: boolean }
      readonly columns: readonly BoundExpr[]
      readonly next: Operator
    }

/** All that a record program is made of, but the schemas of the writers. */
export interface ProgramSpec {
  readonly scan: Scan
  readonly where: BoundExpr | undefined
  readonly sink: Sink
  readonly render: RenderOptions
  readonly validate: boolean
  readonly functions: EvaluationContext
  /** The SQL, for the comment on top of the generated function. */
  readonly title: string
}

/** A decoder per facet, with the schema id its records must carry (-1 before the first is known). */
export interface WriterSchemas {
  readonly keyId: number
  readonly valueId: number
  readonly key: FacetDecoder | undefined
  readonly value: FacetDecoder | undefined
  /** Why there is no decoder. */
  readonly keyProblem?: string
  readonly valueProblem?: string
}

export interface BuiltProgram {
  readonly run: RecordProgram
  readonly source: string
}

/** Generates the record program for one pair of writer schemas. */
export function buildProgram(spec: ProgramSpec, schemas: WriterSchemas): BuiltProgram {
  const emitter = new Emitter()
  const withValue = recordCode(spec, schemas, emitter, false)
  const work = withValue.usesValue
    ? js`if (${spec.scan.badRecords === true ? js`valueGood` : js`vs >= 0`}) {
${withValue.code}
} else {
${recordCode(spec, schemas, emitter, true).code}
}`
    : withValue.code
  const body = loop(
    spec,
    emitter,
    spec.scan.badRecords === true ? checked(spec, schemas, emitter, work) : work,
    withValue.before,
  )
  const title = `${spec.title.replace(/\*\//g, '* /')}\n${schemas.key?.title ?? ''} ${schemas.value?.title ?? ''}`
  const params = ['state', 'batch'] as const
  const run = emitter.build<RecordProgram>(params, body, `records-${spec.scan.table.topic}`)
  return { run, source: `/* ${title.trim()} */\n${emitter.source(params, body)}` }
}

interface RecordCode {
  /** What is done with one record. */
  readonly code: Code
  /** Declarations in front of the loop. */
  readonly before: Code
  readonly usesValue: boolean
}

/** Code for one record: for those with a value, or for those without. */
function recordCode(spec: ProgramSpec, schemas: WriterSchemas, emitter: Emitter, noValue: boolean): RecordCode {
  const { table, badRecords } = spec.scan
  const references = new RecordReferences(emitter, noValue, badRecords === true)
  const compiler = new ExpressionCompiler(emitter, references, spec.functions)
  const context = { validate: spec.validate, render: spec.render }
  const bad = js`{ fault = 1; break record }`
  const [badKey, badValue] =
    badRecords === true
      ? [
          misfit('key', table.key, schemas.keyId, schemas.key, emitter),
          misfit('value', table.value, schemas.valueId, schemas.value, emitter),
        ]
      : [bad, bad]
  const read = (phase: number): Code[] => [
    references.read(phase, 'key', schemas.key, {
      from: payload('k', table.key, schemas.keyId),
      to: js`ke`,
      bad: badKey,
      ...context,
    }),
    references.read(phase, 'value', schemas.value, {
      from: payload('v', table.value, schemas.valueId),
      to: js`ve`,
      bad: badValue,
      ...context,
    }),
  ]
  references.nextPhase()
  let filter = js``
  if (spec.where !== undefined) {
    const condition = compiler.whenTrue(spec.where)
    filter = js`${references.declarations(0)}
${read(0)}
if (!${condition}) break record`
    references.nextPhase()
  }
  const last = spec.where === undefined ? 0 : 1
  const sink = sinkCode(spec, compiler, references)
  const body = [filter, sink.gate, references.declarations(last), ...read(last), sink.code]
  const checks =
    badRecords === true
      ? []
      : [
          ...(references.usesKey()
            ? [sizeCheck('k'), schemaCheck('k', table.key, schemas.keyId, schemas.key, emitter)]
            : []),
          ...(references.usesValue && !noValue
            ? [sizeCheck('v'), schemaCheck('v', table.value, schemas.valueId, schemas.value, emitter)]
            : []),
        ]
  return {
    code: js`${checks}
${declare(compiler.temps)}
${body}`,
    before: noValue ? js`` : sink.before,
    usesValue: references.usesValue,
  }
}

/** A facet that is too large to be read. */
function sizeCheck(facet: 'k' | 'v'): Code {
  const size = facet === 'k' ? js`ke - ks` : js`ve - vs`
  return js`if (${size} > ${MAX_PAYLOAD_BYTES}) { fault = 1; break record }`
}

/** Where the payload of a facet starts: behind the magic byte and the schema id when it is framed. */
function payload(facet: 'k' | 'v', { framing, frame }: TableFacet, schema: number): Code {
  const start = facet === 'k' ? js`ks` : js`vs`
  const skip = framing === 'confluent' ? 5 : (frame?.skip(schema) ?? 0)
  return skip === 0 ? start : js`(${start} + ${skip})`
}

// ---------------------------------------------------------------------------------------------- bad records as rows

/**
 * For queries that ask which records are bad: a record is looked at as a whole first. What of it cannot be read counts
 * as absent from there on; `trouble` says why, and is null for good records.
 */
function checked(spec: ProgramSpec, schemas: WriterSchemas, emitter: Emitter, work: Code): Code {
  const { table } = spec.scan
  const check = new RecordCheck(
    table,
    { id: schemas.keyId, decoder: schemas.key, problem: schemas.keyProblem },
    { id: schemas.valueId, decoder: schemas.value, problem: schemas.valueProblem },
  )
  const holder = emitter.constant(check, 'check')
  return js`let trouble = state.trouble, keyGood = ks >= 0, valueGood = vs >= 0
${writtenWith('k', table.key, schemas.keyId, emitter)}
${writtenWith('v', table.value, schemas.valueId, emitter)}
if (trouble === null) {
trouble = ${holder}.run(b, view, ks, ke, keySchema, vs, ve, valueSchema)
if (trouble !== null) {
if (${holder}.keyBad) keyGood = false
if (${holder}.valueBad) valueGood = false
}
}
if (trouble !== null) fault = 1
again: for (;;) {
${work}
break
}`
}

/**
 * Which schema a facet says it was written with, negative when it does not say; another one than this program's goes
 * back to the driver.
 */
function writtenWith(facet: 'k' | 'v', { framing, frame }: TableFacet, id: number, emitter: Emitter): Code {
  const [start, end, schema, wanted] =
    facet === 'k'
      ? [js`ks`, js`ke`, js`keySchema`, js`state.keyId`]
      : [js`vs`, js`ve`, js`valueSchema`, js`state.valueId`]
  if (framing === 'none') return js`const ${schema} = -1`
  const read =
    frame === undefined
      ? js`${end} - ${start} < 5 || b[${start}] !== 0 ? -1 : view.getInt32(${start} + 1)`
      : js`${emitter.constant(frame, 'frame')}.schemaOf(b, ${start}, ${end}, hs, next)`
  return js`const ${schema} = ${start} < 0 ? -1 : ${read}
if (${schema} >= 0 && ${schema} !== ${id}) { ${wanted} = ${schema}; state.at = start; state.index = n; state.scanned += scanned - 1; return 1 }`
}

/** A facet that is whole, and does not fit what the query makes of it. */
function misfit(
  side: 'key' | 'value',
  facet: TableFacet,
  schema: number,
  decoder: FacetDecoder | undefined,
  emitter: Emitter,
): Code {
  const [good, letter, to] =
    side === 'key' ? ([js`keyGood`, 'k', js`ke`] as const) : ([js`valueGood`, 'v', js`ve`] as const)
  const why = (b: Buffer, from: number, end: number): string =>
    `${side}: ${decoder?.misfit?.(b.subarray(from, end)) ?? 'it does not fit the columns of the table'}`
  return js`{ trouble = ${emitter.constant(why, 'misfit')}(b, ${payload(letter, facet, schema)}, ${to}); ${good} = false; fault = 1; continue again }`
}

/** \`*\` of a bad record: what is known of it, in place of the value. */
function starText(spec: ProgramSpec, value: Code, compiler: ExpressionCompiler, references: RecordReferences): Code {
  const columns = ['_error', '_raw_key', '_raw'].map((name) => ({
    path: [name],
    expr: {
      kind: 'path',
      source: spec.scan.source,
      path: { facet: 'meta', steps: [name] },
      type: RECORD_FIELDS[name],
    } as const,
  }))
  const known = new OutputCompiler(compiler, references, spec.render).shape({ kind: 'columns', columns })
  return js`trouble === null ? ${value} : ${known.value}`
}

// ---------------------------------------------------------------------------------------------- sinks

interface SinkCode {
  /** In front of the loop. */
  readonly before: Code
  /** Before the paths that only the sink needs are read. */
  readonly gate: Code
  readonly code: Code
}

function sinkCode(spec: ProgramSpec, compiler: ExpressionCompiler, references: RecordReferences): SinkCode {
  const { sink } = spec
  const e = compiler.emitter
  if (sink.kind === 'aggregate') return { gate: js``, ...aggregateStep(sink.plan, sink.state, compiler, references) }
  if (sink.kind === 'rows') return rowsSink(spec, sink, compiler, references)
  const limit = e.constant(sink.limit, 'limit')
  const gate = js`if (${limit}.skip > 0) { ${limit}.skip--; break record }
if (${limit}.left === 0) { ${limit}.cut = true; stopping = 2; break record }`
  const body = bodyText(spec, sink, compiler, references)
  return {
    before: js``,
    gate,
    // A record that makes too large a frame is no row: LIMIT does not count it.
    code: js`${body.declare}
const sent = ${e.constant(sink.writer, 'out')}.record(${body.text}, partition, ${references.offset()})
if (sent !== ${SENT.tooLarge}) ${limit}.left--
if (${limit}.done) stopping = 2
else if (sent === ${SENT.behind}) stopping = 3`,
  }
}

function rowsSink(
  spec: ProgramSpec,
  sink: Extract<Sink, { kind: 'rows' }>,
  compiler: ExpressionCompiler,
  references: RecordReferences,
): SinkCode {
  const body = sink.body === undefined ? undefined : bodyText(spec, sink.body, compiler, references)
  const columns = [...(body === undefined ? [] : [body.text]), ...sink.columns.map((c) => compiler.marked(c))]
  const next = compiler.emitter.constant(sink.next, 'next')
  return {
    before: js``,
    gate: js``,
    code: js`${body?.declare ?? js``}
${next}.push([${join(columns, ', ')}])
if (${next}.done) stopping = 2
else if (${next}.full) stopping = 3`,
  }
}

/** The members of `data` before `rownum`, as text. */
function bodyText(
  spec: ProgramSpec,
  of: { readonly shape: OutputShape; readonly metadata: boolean },
  compiler: ExpressionCompiler,
  references: RecordReferences,
): { declare: Code; text: Code } {
  const output = new OutputCompiler(compiler, references, spec.render).shape(of.shape)
  const metadata = of.metadata ? metadataText(spec, references, compiler) : js`''`
  const value =
    of.shape.kind === 'record' && spec.scan.badRecords === true
      ? starText(spec, output.value, compiler, references)
      : output.value
  if (output.key === undefined) return { declare: js``, text: js`'"value":' + (${value}) + ${metadata}` }
  const key = compiler.emitter.name('key')
  return {
    declare: js`let ${key}`,
    text: js`((${key} = ${output.key}) === null ? '' : '"key":' + ${key} + ',') + '"value":' + (${value}) + ${metadata}`,
  }
}

function metadataText(spec: ProgramSpec, references: RecordReferences, compiler: ExpressionCompiler): Code {
  const times = compiler.emitter.constant(metadataTimes(spec.render), 'times')
  let code = js`',"metadata":{"offset":' + ${references.offset()} + ',"partition":' + partition + ',"timestamp":' + ${times}.json(${references.timestamp()}) + ',"__keysize":' + (ks < 0 ? 0 : ke - ks) + ',"__valuesize":' + (vs < 0 ? 0 : ve - vs)`
  if (spec.scan.table.key.framing === 'confluent')
    code = js`${code} + (ks >= 0 && ke - ks >= 5 ? ',"keySchemaId":' + view.getInt32(ks + 1) : '')`
  if (spec.scan.table.value.framing === 'confluent')
    code = js`${code} + (vs >= 0 && ve - vs >= 5 ? ',"valueSchemaId":' + view.getInt32(vs + 1) : '')`
  return js`${code} + '}'`
}

// ---------------------------------------------------------------------------------------------- the loop

/** `let NAME = ` a zigzag varint of 32 bits at p. */
function varint(name: Code): Code {
  return js`c = b[p++]; let ${name} = c & 127
if (c > 127) { c = b[p++]; ${name} |= (c & 127) << 7; if (c > 127) { c = b[p++]; ${name} |= (c & 127) << 14; if (c > 127) { c = b[p++]; ${name} |= (c & 127) << 21; if (c > 127) ${name} |= b[p++] << 28 } } }
${name} = (${name} >>> 1) ^ -(${name} & 1)`
}

/**
 * A framed facet: too short or without the zero byte is a bad record; another id than this program's goes back to the
 * driver. A null facet is neither.
 */
function schemaCheck(
  facet: 'k' | 'v',
  { framing, frame }: TableFacet,
  number: number,
  decoder: FacetDecoder | undefined,
  emitter: Emitter,
): Code {
  if (framing === 'none') return js``
  // Of schemas that nobody knows there may be as many as records: the number is not in the text, so that the code is
  // kept for the next one.
  const id = decoder === undefined ? emitter.constant(number, 'schemaId') : js`${number}`
  const start = facet === 'k' ? js`ks` : js`vs`
  const end = facet === 'k' ? js`ke` : js`ve`
  const wanted = facet === 'k' ? js`state.keyId` : js`state.valueId`
  if (frame !== undefined) return frameCheck(frame, { start, end, wanted, id }, emitter)
  return js`if (${start} >= 0) {
if (${end} - ${start} < 5 || b[${start}] !== 0) { fault = 1; break record }
if (view.getInt32(${start} + 1) !== ${id}) { ${wanted} = view.getInt32(${start} + 1); state.at = start; state.index = n; state.scanned += scanned - 1; return 1 }
}`
}

/** The same where the headers, or another frame, say who wrote the record. */
function frameCheck(
  frame: RecordFrame,
  { start, end, wanted, id }: { start: Code; end: Code; wanted: Code; id: Code },
  emitter: Emitter,
): Code {
  const schema = emitter.name('schema')
  return js`if (${start} >= 0) {
const ${schema} = ${emitter.constant(frame, 'frame')}.schemaOf(b, ${start}, ${end}, hs, next)
if (${schema} < 0) { fault = 1; break record }
if (${schema} !== ${id}) { ${wanted} = ${schema}; state.at = start; state.index = n; state.scanned += scanned - 1; return 1 }
}`
}

function loop(spec: ProgramSpec, emitter: Emitter, work: Code, before: Code): Code {
  const stops = spec.sink.kind === 'emit' || spec.sink.kind === 'rows'
  const varlong = emitter.constant(readVarlong, 'varlong')
  const corrupt = js`{ state.at = start; state.index = n; state.scanned += scanned; return 4 }`
  return js`const b = batch.buffer, view = batch.view, to = batch.to, partition = batch.partition, baseOffset = batch.baseOffset
const clipped = batch.clipped, rangeStart = batch.rangeStart, rangeEnd = batch.rangeEnd
const logAppendTime = batch.logAppendTime, maxTimestamp = batch.maxTimestamp, baseTimestamp = batch.baseTimestamp
let p = state.at, n = state.index, c = 0, scanned = 0, stopping = 0
const stop = Math.min(batch.count, n + state.budget)
${before}
for (; n < stop; n++) {
const start = p
${varint(js`length`)}
const next = p + length
if (length < 0 || next > to) ${corrupt}
p++
const tsAt = p
while (b[p++] > 127);
const deltaAt = p
while (b[p++] > 127);
if (clipped) {
const offset = baseOffset + ${varlong}(b, deltaAt)
if (offset < rangeStart || offset >= rangeEnd) { p = next; continue }
}
${varint(js`keyLength`)}
const ks = keyLength < 0 ? -1 : p
if (keyLength > 0) p += keyLength
const ke = p
${varint(js`valueLength`)}
const vs = valueLength < 0 ? -1 : p
if (valueLength > 0) p += valueLength
const ve = p
const hs = p
if (p > next) ${corrupt}
scanned++
state.at = start
let fault = 0
record: {
${work}
}
p = next
if (fault !== 0) state.bad(baseOffset + ${varlong}(b, deltaAt), logAppendTime ? maxTimestamp : baseTimestamp + ${varlong}(b, tsAt))
${stops ? js`if (stopping !== 0) { n++; break }` : js``}
if (scanned % ${RECORDS_A_LOOK} === 0 && state.late()) { n++; break }
}
state.at = p
state.index = n
state.scanned += scanned
return stopping`
}
