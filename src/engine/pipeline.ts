/**
 * Plan → pipeline: the operators above the scan as objects, and the scan's sink for the generated program. Built once a statement.
 * A chain is built from the output down; where it meets the scan, filter and sink are fused into the record program.
 */
import { Emitter, js } from '../codegen/emitter.ts'
import type { RenderOptions } from '../formats/format.ts'
import type { FunctionContext } from '../functions/registry.ts'
import type { Aggregate, BoundExpr, Limit, Output, OutputShape, Plan, Scan, Values } from '../plan/plan.ts'
import { aggregateStep } from './aggregate-code.ts'
import { declare, ExpressionCompiler, RowReferences } from './expression.ts'
import { AggregateOperator, AggregateState } from './operators/aggregate.ts'
import type { Operator, Row } from './operators/operator.ts'
import { FilterOperator, LimitOperator, LimitState } from './operators/row-operators.ts'
import type { FrameWriter } from './output.ts'
import { OutputCompiler } from './output-code.ts'
import type { Sink } from './record-program.ts'

/** Groups that are turned into rows before others get a turn. */
const STRETCH = 2000

export interface PipelineContext {
  readonly writer: FrameWriter
  readonly render: RenderOptions
  readonly functions: FunctionContext
  readonly limits: { readonly groups: number; readonly collectBytes: number }
}

export interface Pipeline {
  /** What is at the bottom. */
  readonly source: { readonly kind: 'scan'; readonly scan: Scan; readonly where: BoundExpr | undefined; readonly sink: Sink } | { readonly kind: 'values'; readonly values: Values; readonly first: Operator }
  /** Lets out what is held back, a stretch at a time: true means that there is more and that the reader or the event loop should get a turn first. */
  finish(): boolean
  /** Nothing further can change the result. */
  readonly done: boolean
  /** Sends changed groups of a running aggregation, in stretches like `finish`; undefined where there is none to send. */
  readonly snapshot: (() => boolean) | undefined
  /** The server's cap on rows cut the result short. */
  readonly cut: boolean
  readonly cap: number
}

export function buildPipeline(plan: Output, context: PipelineContext, live: boolean): Pipeline {
  const limit: Limit = plan.input.kind === 'limit' ? plan.input : { kind: 'limit', input: plan.input, skip: 0, count: Number.MAX_SAFE_INTEGER, implied: false }
  const below = limit.input
  const fused = scanBelow(below)
  if (fused !== undefined) {
    const state = new LimitState(limit)
    const sink: Sink = { kind: 'emit', shape: plan.shape, metadata: plan.metadata, limit: state, writer: context.writer }
    return {
      source: { kind: 'scan', ...fused, sink },
      finish: () => false,
      get done() { return state.done },
      snapshot: undefined,
      get cut() { return state.implied && state.cut },
      cap: limit.count,
    }
  }
  const having = below.kind === 'filter' ? below.predicate : undefined
  const rows = below.kind === 'filter' ? below.input : below
  return rows.kind === 'aggregate' ? aggregatePipeline(plan, limit, having, rows, context, live) : valuesPipeline(plan, limit, having, rows, context)
}

/** The scan and its filter, when nothing else stands between. */
function scanBelow(plan: Plan): { scan: Scan; where: BoundExpr | undefined } | undefined {
  if (plan.kind === 'scan') return { scan: plan, where: undefined }
  if (plan.kind === 'filter' && plan.input.kind === 'scan') return { scan: plan.input, where: plan.predicate }
  return undefined
}

function aggregatePipeline(plan: Output, limit: Limit, having: BoundExpr | undefined, aggregate: Aggregate, context: PipelineContext, live: boolean): Pipeline {
  const state = new AggregateState(aggregate, context.limits)
  const bodies = rowText(plan.shape, context)
  const versions = new GroupVersions(context.writer)
  const test = having === undefined ? undefined : rowTest(having, context)
  let last = new LimitState(limit)
  let at = 0
  const send = (): boolean => {
    if (at === 0) last = new LimitState(limit)
    for (let n = 0; at < state.groups && !last.done; at++, n++) {
      if (n === STRETCH) return true
      const row = state.row(at)
      if (test !== undefined && !test(row)) continue
      if (last.skip > 0) last.skip--
      else if (last.left > 0) {
        last.left--
        const behind = live ? versions.send(at, bodies(row)) : context.writer.row(bodies(row), -1, -1)
        if (behind) {
          at++
          return true
        }
      } else last.cut = true
    }
    at = 0
    return false
  }
  const fused = scanBelow(aggregate.input)
  const common = { finish: send, done: false, snapshot: live ? send : undefined, cap: limit.count }
  const cut = (): boolean => last.implied && last.cut
  if (fused !== undefined) return { ...common, get cut() { return cut() }, source: { kind: 'scan', ...fused, sink: { kind: 'aggregate', plan: aggregate, state } } }
  const operator = new AggregateOperator(rowAggregate(aggregate, state, context))
  const { values, first } = valuesBelow(aggregate.input, operator, context)
  return { ...common, get cut() { return cut() }, source: { kind: 'values', values, first } }
}

function valuesPipeline(plan: Output, limit: Limit, having: BoundExpr | undefined, rows: Plan, context: PipelineContext): Pipeline {
  const state = new LimitState(limit)
  const bodies = rowText(plan.shape, context)
  const output: Operator = { push: (row) => void context.writer.row(bodies(row), -1, -1), finish: () => undefined, done: false }
  const limited = new LimitOperator(state, output)
  const top = having === undefined ? limited : new FilterOperator(rowTest(having, context), limited)
  const { values, first } = valuesBelow(rows, top, context)
  return { source: { kind: 'values', values, first }, finish: () => false, get done() { return state.done }, snapshot: undefined, get cut() { return state.implied && state.cut }, cap: limit.count }
}

function valuesBelow(plan: Plan, next: Operator, context: PipelineContext): { values: Values; first: Operator } {
  if (plan.kind === 'values') return { values: plan, first: next }
  if (plan.kind === 'filter') return valuesBelow(plan.input, new FilterOperator(rowTest(plan.predicate, context), next), context)
  throw new Error(`no pipeline for ${plan.kind}`)
}

/** Row ids of groups stay the same from version to version; a group whose text has not changed is not sent again. */
class GroupVersions {
  readonly #writer: FrameWriter
  readonly #ids: string[] = []
  readonly #texts: string[] = []
  constructor(writer: FrameWriter) {
    this.#writer = writer
  }
  send(group: number, body: string): boolean {
    if (this.#texts[group] === body) return false
    this.#texts[group] = body
    this.#ids[group] ??= this.#writer.nextRowId()
    return this.#writer.version(body, this.#ids[group], group)
  }
}

// ---------------------------------------------------------------------------------------------- functions over rows

function rowCompiler(context: PipelineContext): ExpressionCompiler {
  return new ExpressionCompiler(new Emitter(), new RowReferences(js`row`), context.functions)
}

function rowTest(predicate: BoundExpr, context: PipelineContext): (row: Row) => boolean {
  const compiler = rowCompiler(context)
  const code = compiler.whenTrue(predicate)
  return compiler.emitter.build(['row'], js`${declare(compiler.temps)} return ${code}`, 'filter')
}

/** The members of `data` before `rownum`. */
function rowText(shape: OutputShape, context: PipelineContext): (row: Row) => string {
  const compiler = rowCompiler(context)
  const { value } = new OutputCompiler(compiler, undefined, context.render).shape(shape)
  return compiler.emitter.build(['row'], js`${declare(compiler.temps)} return '"value":' + (${value})`, 'row')
}

function rowAggregate(plan: Aggregate, state: AggregateState, context: PipelineContext): (row: Row) => void {
  const compiler = rowCompiler(context)
  const step = aggregateStep(plan, state, compiler, undefined)
  return compiler.emitter.build(['row'], js`${step.before}
${declare(compiler.temps)}
${step.code}`, 'aggregate')
}
