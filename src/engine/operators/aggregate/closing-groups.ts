/**
 * Groups as they are sent before the scan below them ends: versions of a group, which replace each other, and the groups
 * of windows of time, which are sent when their windows close. When a window closes is decided by `window-groups`.
 */
import { unexpected } from '../../../lib/assert.ts'
import { parseWindow } from '../../../functions/library/time/windows.ts'
import { addDuration } from '../../../functions/support/datemath.ts'
import type { Aggregate, Output, Plan } from '../../../plan/plan.ts'
import type { FrameWriter } from '../../frame-writer.ts'
import { rowAggregate, rowTest, rowText, rowValue } from '../../program/row-functions.ts'
import { type Operator, pushAll, type Row, CHUNK_ROWS } from '../operator.ts'
import { FilterOperator, LimitOperator, type LimitState } from '../row-operators.ts'
import { type AggregateState, groupRows } from './aggregate.ts'
import { type OpenWindow, WindowGroups, type WindowParts } from './window-groups.ts'

/** Groups that are sent when their windows close. Times are epoch milliseconds. */
export interface ClosingGroups {
  /** What the groups are made of. */
  readonly input: Plan
  /** When the next window closes; Infinity: none is open. */
  readonly nextMs: number
  /** Rows that came for a window that had closed. */
  readonly late: number
  /** Sends the groups of the windows that close until then. */
  close(untilMs: number): Generator<void>
  /** Sends the groups that have changed; undefined: they are sent when their windows close, and not before. */
  readonly changed: (() => Generator<void>) | undefined
}

/** What the pipeline around has. */
interface Around {
  /** What rows are computed and written with, and by which clock windows close. */
  readonly context: Parameters<typeof rowValue>[1] & {
    readonly writer: FrameWriter
    readonly limits: WindowParts['limits']
    readonly windows?: Pick<WindowParts, 'now' | 'graceMs'>
  }
  readonly limit: LimitState
  state(plan: Aggregate): AggregateState
  /** Sends rows, whose texts `body` makes. */
  output(body: ReturnType<typeof rowText>): Operator
  /** What sorts rows on their way to `next`, if they are sorted. A new one for each set of rows. */
  sorted(next: Operator): Operator
}

/**
 * `below`: an aggregation with windows, or a filter over one. `inPlace`: groups are also sent when they change. `first`
 * takes the rows of its input.
 */
export function closingGroups(
  plan: Output,
  below: Plan,
  inPlace: boolean,
  around: Around,
): { readonly groups: ClosingGroups; readonly first: Operator } {
  const { context, limit } = around
  const aggregate = below.kind === 'filter' ? below.input : below
  if (aggregate.kind !== 'aggregate') unexpected('no groups to close')
  const windows = windowGroups(aggregate, around)
  const having = below.kind === 'filter' ? rowTest(below.predicate, context) : undefined
  const body = rowText(plan, context)
  const versions = new Versions(context.writer, body, having)
  const output = new LimitOperator(limit, around.output(body))

  const close = function* (untilMs: number): Generator<void> {
    const closed = windows.close(untilMs)
    if (inPlace) for (const window of closed) yield* versions.changed(window)
    else {
      const sorted = around.sorted(output)
      const first = having === undefined ? sorted : new FilterOperator(having, sorted)
      for (const { state } of closed) yield* pushAll(groupRows(state), first)
      yield* first.finish()
    }
  }
  const changed = function* (): Generator<void> {
    for (const window of windows.open) yield* versions.changed(window)
  }
  return {
    groups: {
      input: aggregate.input,
      get nextMs() {
        return windows.nextMs
      },
      get late() {
        return windows.late
      },
      close,
      changed: inPlace ? changed : undefined,
    },
    first: {
      push: (row) => windows.push(row),
      finish: () => close(Number.POSITIVE_INFINITY),
      get done() {
        return windows.done
      },
      full: false,
    },
  }
}

function windowGroups(aggregate: Aggregate, { context, limit, state }: Around): WindowGroups {
  const { limits } = context
  if (aggregate.windows === undefined || context.windows === undefined) unexpected('no windows to close')
  const { key, size } = aggregate.windows
  const length = parseWindow(size)
  if (length === undefined) unexpected(`the size of a window was not checked: ${size}`)
  const start = rowValue(aggregate.keys[key], context)
  return new WindowGroups({
    ...context.windows,
    limits,
    startOf: (row) => {
      const value = start(row)
      return value === null ? null : Number(value)
    },
    endOf: (startMs) => addDuration(startMs, length, 1),
    open: () => {
      const made = state(aggregate).noteChanges()
      return { state: made, take: rowAggregate(aggregate, made, context) }
    },
    isDone: () => limit.done,
  })
}

/** Row ids of groups stay the same from version to version; a group whose text has not changed is not sent again. */
export class GroupVersions {
  readonly #writer: FrameWriter
  readonly #number: (group: number) => number
  readonly #ids: string[] = []
  readonly #numbers: number[] = []
  readonly #texts: string[] = []

  /** `number`: the `rownum` of a group that is sent for the first time. */
  constructor(writer: FrameWriter, number: (group: number) => number) {
    this.#writer = writer
    this.#number = number
  }

  /** Sends the groups that have a text, until it is done. */
  *sendAll(
    state: AggregateState,
    groups: Iterable<number>,
    text: (row: Row) => string | undefined,
    done: () => boolean,
  ): Generator<void> {
    let n = 0
    for (const group of groups) {
      if (done()) return
      const body = text(state.row(group))
      if ((body !== undefined && this.#send(group, body)) || ++n % CHUNK_ROWS === 0) yield
    }
  }

  /** True: the reader is behind. */
  #send(group: number, body: string): boolean {
    if (this.#texts[group] === body) return false
    this.#texts[group] = body
    this.#ids[group] ??= this.#writer.nextRowId()
    this.#numbers[group] ??= this.#number(group)
    return this.#writer.version(body, this.#ids[group], this.#numbers[group])
  }
}

/** The versions of the groups of windows. */
class Versions {
  readonly #writer: FrameWriter
  readonly #body: ReturnType<typeof rowText>
  readonly #having: ReturnType<typeof rowTest> | undefined
  readonly #sent = new WeakMap<OpenWindow, GroupVersions>()
  #rows = 0

  constructor(writer: FrameWriter, body: ReturnType<typeof rowText>, having: ReturnType<typeof rowTest> | undefined) {
    this.#writer = writer
    this.#body = body
    this.#having = having
  }

  /** Sends the groups of a window that have changed since they were last sent. */
  *changed(window: OpenWindow): Generator<void> {
    const sent = this.#sent.get(window) ?? new GroupVersions(this.#writer, () => this.#rows++)
    this.#sent.set(window, sent)
    const { state } = window
    const text = (row: Row): string | undefined =>
      this.#having === undefined || this.#having(row) ? this.#body(row) : undefined
    yield* sent.sendAll(state, state.takeChanged(), text, () => false)
  }
}
