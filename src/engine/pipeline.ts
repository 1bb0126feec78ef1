/**
 * Plan → pipeline: operators as objects, and for each scan the sink of its generated program. Built once a statement,
 * from the output down; what stands directly above a scan (lowering has decided that) becomes the sink of the record
 * program. Sources are read one after the other: the right side of a join before its left.
 */
import { unexpected } from '../lib/assert.ts'
import type { RenderOptions } from '../formats/format.ts'
import type { EvaluationContext } from './program/expression/references.ts'
import { widthOf } from '../plan/lower/lower.ts'
import type { Aggregate, BoundExpr, Join, Kept, Limit, Output, Plan, Scan, Share, Sort } from '../plan/plan.ts'
import { type ClosingGroups, closingGroups, GroupVersions } from './operators/aggregate/closing-groups.ts'
import { topAggregate } from '../plan/bind/follow.ts'
import { scansOf } from '../plan/inputs.ts'
import { AggregateOperator, AggregateState, groupRows } from './operators/aggregate/aggregate.ts'
import type { Backlog } from './operators/backlog.ts'
import { KeptRows } from './operators/kept-rows.ts'
import { LatestOperator } from './operators/aggregate/latest.ts'
import { FirstOfEach, LimitOfEach, MOST_KEPT } from './operators/sort/limit-of-each.ts'
import { JoinOperator } from './operators/join/join.ts'
import { MarkJoinOperator } from './operators/join/mark-join.ts'
import { MemoryBudget } from './operators/memory.ts'
import { nothingHeld, type Operator, pushAll, type Row } from './operators/operator.ts'
import { oneIsList } from '../types.ts'
import {
  FilterOperator,
  LimitOperator,
  LimitState,
  ProjectOperator,
  SetOperator,
  UnnestOperator,
} from './operators/row-operators.ts'
import { type SortKey, SortOperator } from './operators/sort/sort.ts'
import { type FrameWriter, OutputOperator } from './frame-writer.ts'
import type { Sink } from './program/record-program.ts'
import {
  joinedRow,
  joinKeys,
  markValue,
  rowAggregate,
  rowParts,
  rowProjection,
  rowTest,
  rowText,
  rowValue,
} from './program/row-functions.ts'
import { markedJson } from './program/values/marked.ts'

/** What a pipeline is built with. `limits`: counts and bytes, from the settings of the statement. */
export interface PipelineContext {
  readonly writer: FrameWriter
  readonly render: RenderOptions
  readonly functions: EvaluationContext
  readonly limits: {
    readonly groups: number
    readonly groupBytes: number
    readonly collectBytes: number
    readonly joinBytes: number
    readonly sortBytes: number
  }
  /** Of windows of time that close: epoch milliseconds now, and for how long a window waits for more. */
  readonly windows?: { readonly now: () => number; readonly graceMs: number }
}

interface SourceEnd {
  /** Nothing of this source is wanted any more. */
  readonly done: boolean
  /** Emits what waited for the end of this source. */
  finish(): Generator<void>
}

/**
 * Something that rows come from: a scan, whose generated program has `sink` as its end, or rows in memory, which are
 * pushed into `first`.
 */
export type PipelineSource = SourceEnd &
  (
    | { readonly kind: 'scan'; readonly scan: Scan; readonly sink: Sink }
    /** Rows that are there already. */
    | { readonly kind: 'rows'; readonly rows: () => Iterable<Row>; readonly first: Operator }
    /** Rows of another engine: of that part of the plan. */
    | { readonly kind: 'foreign'; readonly part: number; readonly first: Operator }
  )

/**
 * The operators of a statement, ready to be fed. The caller reads `sources` one after the other, calls `finish` of each
 * to its end, and releases `backlogs` in between.
 */
export interface Pipeline {
  /** In the order in which they are read. */
  readonly sources: readonly PipelineSource[]
  /**
   * Operators in which rows may wait, the nearest to the output first. The caller releases these before it pushes
   * further rows.
   */
  readonly backlogs: readonly Backlog[]
  /** Nothing further can change the result. */
  readonly done: boolean
  /** Sends changed groups of a running aggregation; undefined where there is none to send. */
  readonly snapshot: (() => Generator<void>) | undefined
  /** Windows of time that close while the query follows; undefined where there are none. */
  readonly windows: ClosingGroups | undefined
  /** The server's cap on rows cut the result short. */
  readonly cut: boolean
  /** That cap. */
  readonly cap: number
}

/** `take`: rows of the output columns go there instead of into frames. */
export function buildPipeline(plan: Output, context: PipelineContext, live: boolean, take?: Operator): Pipeline {
  const limit: Limit =
    plan.input.kind === 'limit'
      ? plan.input
      : { kind: 'limit', input: plan.input, skip: 0, count: Number.MAX_SAFE_INTEGER, implied: false }
  const builder = new Builder(context, limit)
  let snapshot: (() => Generator<void>) | undefined
  let windows: ClosingGroups | undefined
  if (take !== undefined) builder.rows(plan, limit.input, take)
  else if (limit.input.kind === 'scan') builder.emit(plan, limit.input)
  else if (limit.input.kind === 'sort' && limit.input.input.kind === 'scan')
    builder.emitSorted(plan, limit.input, limit.input.input)
  else if (topAggregate(plan)?.windows !== undefined) {
    windows = builder.closingGroups(plan, limit.input, live)
    snapshot = windows.changed
  } else if (live) snapshot = builder.liveGroups(plan, limit.input)
  if (builder.sources.length === 0) {
    const output = new OutputOperator(rowText(plan, context), context.writer)
    builder.build(limit.input, new LimitOperator(builder.limit, output))
  }
  return {
    sources: builder.sources,
    backlogs: builder.backlogs,
    get done() {
      return builder.sources.every((s) => s.done)
    },
    snapshot,
    windows,
    get cut() {
      return builder.limit.implied && builder.limit.cut
    },
    cap: limit.count,
  }
}

/** Rows as a record program makes them. */
type RowsSink = Extract<Sink, { kind: 'rows' }>

class Builder {
  readonly #context: PipelineContext
  readonly #plan: Limit
  readonly sources: PipelineSource[] = []
  readonly backlogs: Backlog[] = []
  /** By share. */
  readonly #kept = new Map<number, KeptRows>()
  limit: LimitState

  constructor(context: PipelineContext, limit: Limit) {
    this.#context = context
    this.#plan = limit
    this.limit = new LimitState(limit)
  }

  /** The values of the output columns into an operator. */
  rows(plan: Output, below: Plan, take: Operator): void {
    const columns = (plan.shape.kind === 'columns' ? plan.shape.columns : []).map((c) => ({
      name: c.path.join('.'),
      expr: c.expr,
    }))
    const limited = new LimitOperator(this.limit, take)
    if (below.kind === 'sort' && below.input.kind === 'scan')
      return this.#sortedRecords(below, below.input, { columns: columns.map((c) => c.expr) }, limited)
    // ORDER BY works on what the projection reads: it stays below it.
    this.build({ kind: 'project', input: below, columns }, limited)
  }

  /** A single scan straight into frames. */
  emit(plan: Output, scan: Scan): void {
    const { limit } = this
    const end: SourceEnd = {
      get done() {
        return limit.done
      },
      finish: nothingHeld,
    }
    this.#records(
      scan,
      { kind: 'emit', shape: plan.shape, metadata: plan.metadata, limit, writer: this.#context.writer },
      end,
    )
  }

  /**
   * ORDER BY straight over a scan, into frames: the program makes the text of each frame before it is known whether it
   * will be sent, so that only texts and sort keys are held.
   */
  emitSorted(plan: Output, sort: Sort, scan: Scan): void {
    const { writer } = this.#context
    const output: Operator = {
      push: (row) => void writer.row(String(row[0])),
      finish: nothingHeld,
      done: false,
      get full() {
        return writer.drained() !== undefined
      },
    }
    this.#sortedRecords(
      sort,
      scan,
      { body: { shape: plan.shape, metadata: plan.metadata }, columns: [] },
      new LimitOperator(this.limit, output),
    )
  }

  /** ORDER BY straight over a scan: the program computes the sort keys, which stand behind what is held of a record. */
  #sortedRecords(sort: Sort, scan: Scan, held: Pick<RowsSink, 'body' | 'columns'>, take: Operator): void {
    const width = held.columns.length + (held.body === undefined ? 0 : 1)
    const next = this.#sort(sort, sortKeys(sort, width), take)
    this.#records(
      scan,
      { kind: 'rows', ...held, columns: [...held.columns, ...sort.by.map((b) => b.expr)], next },
      next,
    )
  }

  /** A scan whose records go straight into a sink; `end`: when that wants no more, and what it does at the end. */
  #records(scan: Scan, sink: Sink, end: SourceEnd): void {
    this.sources.push({
      kind: 'scan',
      scan,
      sink,
      get done() {
        return end.done
      },
      finish: () => end.finish(),
    })
  }

  #sort(sort: Sort, keys: readonly SortKey[], next: Operator): Operator {
    // One more than the cap, to know whether there were more.
    const wanted =
      this.#plan.input === sort
        ? this.#plan.skip + this.#plan.count + (this.#plan.implied ? 1 : 0)
        : Number.POSITIVE_INFINITY
    return new SortOperator(keys, wanted, new MemoryBudget('max.sort.bytes', this.#context.limits.sortBytes), next)
  }

  /** An aggregation at the top whose groups are also sent while it runs. Its rows keep their ids. */
  liveGroups(plan: Output, below: Plan): (() => Generator<void>) | undefined {
    const having = below.kind === 'filter' ? below.predicate : undefined
    const aggregate = below.kind === 'filter' ? below.input : below
    if (aggregate.kind !== 'aggregate') return undefined
    const follows = scansOf(aggregate).some((scan) => scan.follow === true)
    const state = follows ? this.#state(aggregate).noteChanges() : this.#state(aggregate)
    const body = rowText(plan, this.#context)
    const test = having === undefined ? undefined : rowTest(having, this.#context)
    const versions = new GroupVersions(this.#context.writer, (group) => group)
    const builder = this
    function* send(groups: Iterable<number>): Generator<void> {
      const limit = new LimitState(builder.#plan)
      builder.limit = limit
      const text = (row: Row) => ((test === undefined || test(row)) && limit.take() ? body(row) : undefined)
      yield* versions.sendAll(state, groups, text, () => limit.done)
    }
    const all = (): Generator<void> => send(Array(state.groups).keys())
    this.#aggregateSource(aggregate, state, { push: () => undefined, finish: all, done: false, full: false }, all)
    // The first groups are to be found among all of them.
    return this.#plan.implied ? () => send(state.takeChanged()) : all
  }

  /** An aggregation at the top whose groups belong to windows of time, which close while the query follows. */
  closingGroups(plan: Output, below: Plan, live: boolean): ClosingGroups {
    const sort = below.kind === 'sort' ? below : undefined
    // Neither an order nor a number of rows is kept by rows that change.
    const inPlace = live && sort === undefined && this.#plan.implied
    const { groups, first } = closingGroups(plan, sort?.input ?? below, inPlace, {
      context: this.#context,
      limit: this.limit,
      state: (aggregate) => this.#state(aggregate),
      output: (body) => new OutputOperator(body, this.#context.writer),
      sorted: (next) => (sort === undefined ? next : this.#sortedRows(sort, (keys) => this.#sort(sort, keys, next))),
    })
    this.build(groups.input, first)
    return groups
  }

  #state(plan: Aggregate): AggregateState {
    const { limits, functions } = this.#context
    return new AggregateState(
      plan,
      { groups: limits.groups, groupBytes: limits.groupBytes, collectBytes: limits.collectBytes },
      functions.doubles,
    )
  }

  /** The input of an aggregation into its state; `finish` emits the groups. */
  #aggregateSource(plan: Aggregate, state: AggregateState, next: Operator, finish: () => Generator<void>): void {
    const end: SourceEnd = {
      get done() {
        return next.done
      },
      finish,
    }
    if (plan.input.kind === 'scan') this.#records(plan.input, { kind: 'aggregate', plan, state }, end)
    else {
      const take = rowAggregate(plan, state, this.#context)
      this.build(plan.input, {
        push: take,
        finish,
        get done() {
          return next.done
        },
        full: false,
      })
    }
  }

  /** Rows of `plan` into `next`. */
  build(plan: Plan, next: Operator): void {
    const context = this.#context
    switch (plan.kind) {
      case 'values':
        return this.#rowsOf(() => plan.rows, next)
      case 'project':
        return this.#project(plan, next)
      case 'filter':
        return this.build(plan.input, new FilterOperator(rowTest(plan.predicate, context), next))
      case 'limit':
        return plan.each === undefined
          ? this.build(plan.input, new LimitOperator(new LimitState(plan), next))
          : this.#limitOfEach(plan, plan.each, next)
      case 'aggregate':
        return this.#aggregate(plan, next)
      case 'sort':
        return this.#sorted(plan, (keys) => this.#sort(plan, keys, next))
      case 'latest': {
        const slots = { key: slotOf(plan.key), partition: slotOf(plan.partition), alive: slotOf(plan.alive) }
        return this.build(plan.input, new LatestOperator(slots, this.#joinBudget(), next))
      }
      case 'unnest':
        return this.#unnest(plan, next)
      case 'join':
        return this.#join(plan, next)
      case 'setOperation':
        return this.#setOperation(plan, next)
      case 'share':
        return this.#share(plan, next)
      case 'kept':
        return this.#rowsOf(this.#keptRows(plan), next)
      case 'foreign':
        return this.#foreign(plan.number, next)
      case 'scan':
      case 'output':
        unexpected(`no rows of ${plan.kind}`)
    }
  }

  #aggregate(plan: Aggregate, next: Operator): void {
    const state = this.#state(plan)
    if (plan.input.kind !== 'scan')
      return this.build(plan.input, new AggregateOperator(state, rowAggregate(plan, state, this.#context), next))
    this.#aggregateSource(plan, state, next, function* () {
      yield* pushAll(groupRows(state), next)
      yield* next.finish()
    })
  }

  #unnest(plan: Extract<Plan, { kind: 'unnest' }>, next: Operator): void {
    const unnest = new UnnestOperator(
      rowParts(plan.array, this.#context),
      oneIsList(plan.array.type),
      next,
      this.#context.functions.doubles === true ? markedJson : undefined,
    )
    this.backlogs.push(unnest.backlog)
    this.build(plan.input, unnest)
  }

  /** The right side is a source before the left one: it is held. */
  #join(plan: Join, next: Operator): void {
    const join = plan.mark === undefined ? this.#rowJoin(plan, next) : this.#markJoin(plan, next)
    this.backlogs.push(join.backlog)
    this.build(plan.right, join.right)
    this.build(plan.left, join.left)
  }

  #rowJoin(plan: Join, next: Operator): JoinOperator {
    const [leftWidth, rightWidth] = [widthOf(plan.left), widthOf(plan.right)]
    const parts = {
      type: plan.type,
      first: plan.first,
      span: plan.span,
      ...joinKeys(plan, this.#context),
      leftWidth,
      rightWidth,
      joined: joinedRow(leftWidth, rightWidth),
    }
    return new JoinOperator(parts, this.#joinBudget(), next)
  }

  #markJoin(plan: Join, next: Operator): MarkJoinOperator {
    const sides = { ...joinKeys(plan, this.#context), value: markValue(plan, this.#context) }
    return new MarkJoinOperator(sides, this.#joinBudget(), next)
  }

  #setOperation(plan: Extract<Plan, { kind: 'setOperation' }>, next: Operator): void {
    const set = new SetOperator(plan.op, plan.all, plan.sides.length, this.#joinBudget(), next)
    // Of EXCEPT and INTERSECT the second side is held.
    const sides = plan.sides.map((side, i) => ({ side, which: i === 0 ? ('left' as const) : ('right' as const) }))
    for (const { side, which } of plan.op === 'union' ? sides : sides.toReversed()) this.build(side, set.side(which))
  }

  #joinBudget(): MemoryBudget {
    return new MemoryBudget('max.join.bytes', this.#context.limits.joinBytes)
  }

  #foreign(part: number, next: Operator): void {
    this.sources.push({
      kind: 'foreign',
      part,
      first: next,
      get done() {
        return next.done
      },
      finish: () => next.finish(),
    })
  }

  #rowsOf(rows: () => Iterable<Row>, next: Operator): void {
    this.sources.push({
      kind: 'rows',
      rows,
      first: next,
      get done() {
        return next.done
      },
      finish: () => next.finish(),
    })
  }

  /** The input is a source before those of the body, so that its rows are complete when these are read. */
  #share(plan: Share, next: Operator): void {
    const sets = plan.sets.map((set) => ({ valuesOf: rowProjection(set, this.#context), width: set.length }))
    const kept = new KeptRows(widthOf(plan.input), sets, this.#joinBudget())
    this.#kept.set(plan.id, kept)
    this.build(plan.input, kept.taking(next))
    this.build(plan.body, next)
  }

  #keptRows({ share, set }: Kept): () => Iterable<Row> {
    const kept = this.#kept.get(share)
    if (kept === undefined) unexpected('kept rows outside of their share')
    return () => (set === undefined ? kept.rows() : kept.different(set))
  }

  #limitOfEach(plan: Limit, each: BoundExpr, next: Operator): void {
    const group = rowValue(each, this.#context)
    const limit = new LimitOfEach(group, plan, next)
    const most = plan.skip + plan.count
    if (plan.input.kind !== 'sort' || most > MOST_KEPT) return this.build(plan.input, limit)
    this.#sorted(
      plan.input,
      (keys) =>
        new FirstOfEach(group, most, keys, new MemoryBudget('max.sort.bytes', this.#context.limits.sortBytes), limit),
    )
  }

  #project(plan: Extract<Plan, { kind: 'project' }>, next: Operator): void {
    const columns = plan.columns.map((c) => c.expr)
    if (plan.input.kind === 'scan') this.#records(plan.input, { kind: 'rows', columns, next }, next)
    else this.build(plan.input, new ProjectOperator(rowProjection(columns, this.#context), next))
  }

  /** The keys are computed once a row and stand behind its columns; the operator above sees the columns only. */
  #sorted(plan: Sort, sorting: (keys: readonly SortKey[]) => Operator): void {
    this.build(plan.input, this.#sortedRows(plan, sorting))
  }

  #sortedRows(plan: Sort, sorting: (keys: readonly SortKey[]) => Operator): Operator {
    const width = widthOf(plan.input)
    const slots: BoundExpr[] = Array.from({ length: width }, (_, index) => ({
      kind: 'slot',
      index,
      name: '',
      type: { kind: 'json' },
    }))
    const sort = sorting(sortKeys(plan, width))
    return new ProjectOperator(rowProjection([...slots, ...plan.by.map((b) => b.expr)], this.#context), sort)
  }
}

function sortKeys({ by }: Sort, first: number): SortKey[] {
  return by.map((b, i) => ({ slot: first + i, descending: b.descending, nullsFirst: b.nullsFirst }))
}

function slotOf(e: BoundExpr): number {
  if (e.kind !== 'slot') unexpected(`a ${e.kind} that was not lowered`)
  return e.index
}
