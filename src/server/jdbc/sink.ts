/**
 * Turns the engine's v2 frames into those of the JDBC dialect. Of several statements the last one that has a result is
 * answered; the rows of the others are run and dropped, so that everything they do is done before the first frame. Rows
 * whose shape is not known beforehand are held back, a few, until their columns are settled. It knows no socket.
 */
import type { FrameSink } from '../../engine/host.ts'
import type { RowShape } from '../../engine/row-shape.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import { error as errorFrame } from '../../protocol/frames.ts'
import { jdbcRecord, jdbcSchema } from '../../protocol/jdbc.ts'
import type { Statement } from '../../sql/ast.ts'
import { parseScript } from '../../sql/parse.ts'
import { guessType, isOpen, refine } from './guess.ts'
import { rewrite, RECORD_HEAD, ShapeError, valueSpan } from './rewrite.ts'
import { avroText, type LaidOut, laidOut, type Shape, shapeOf } from './shape.ts'

/**
 * Limit `jdbc.guess.rows` (rows): rows of a JDBC result that are held back until its columns are settled. Beyond it:
 * the columns are settled by those rows.
 */
export const GUESS_ROWS = 200
/**
 * Limit `jdbc.guess.characters` (characters): text of the rows that are held back until the columns are settled. Beyond
 * it: the columns are settled by those rows.
 */
const GUESS_CHARACTERS = 1024 * 1024
/**
 * Limit `jdbc.guess.time` (ms): how long the first row is held back until the columns are settled. Beyond it: the
 * columns are settled by the rows so far.
 */
const GUESS_MS = 1000

/**
 * Turns the frames of a run into those that the driver reads: SCHEMA, then rows that fit it. Ends the run when one does
 * not.
 */
export class JdbcSink implements FrameSink {
  readonly #out: FrameSink
  readonly #clock: Clock
  /** Ends the query: a row came that the schema cannot hold. */
  readonly #stop: (reason: string) => void
  /** The index of the statement that is answered: null when there is one only, undefined when none has a result. */
  readonly #answered: number | null | undefined
  #expected: RowShape | undefined
  #shape: Shape | undefined
  #structures: LaidOut = new Map()
  /**
   * The SCHEMA goes out with the first row: until then an error can still be the first frame, which is what the driver
   * reports as such.
   */
  #announced = false
  #failed = false
  #held: string[] = []
  #heldCharacters = 0
  #timer: Timer | undefined

  constructor(out: FrameSink, sql: string, clock: Clock, stop: (reason: string) => void) {
    this.#out = out
    this.#clock = clock
    this.#stop = stop
    this.#answered = answeredStatement(sql)
  }

  drained(): Promise<void> | undefined {
    return this.#out.drained()
  }

  rows(shape: RowShape): void {
    if (shape.statementIndex !== this.#answered) return
    this.#expected = shape
    this.#structures = laidOut(shape.paths ?? [])
    if (!isOpen(shape.type, this.#structures)) this.#shape = shapeOf(shape.type, this.#structures)
  }

  send(frame: string): void {
    if (this.#failed) return
    if (frame.startsWith(RECORD_HEAD)) this.#record(frame)
    else if (frame.startsWith(ERROR_HEAD)) this.#error(frame)
  }

  /** To be called when the run is over: sends what is still held back. */
  finish(): void {
    if (this.#expected !== undefined && !this.#failed) this.#settle()
    if (this.#shape !== undefined && !this.#failed) this.#announce(this.#shape)
    this.#timer?.cancel()
  }

  #record(frame: string): void {
    if (
      this.#expected === undefined ||
      (this.#answered !== null && !frame.endsWith(`"statementIndex":${this.#answered}}`))
    )
      return
    const { from, to } = valueSpan(frame)
    if (this.#shape !== undefined) return this.#row(frame, from, to)
    const value = frame.slice(from, to)
    this.#held.push(value)
    this.#heldCharacters += value.length
    this.#timer ??= this.#clock.after(GUESS_MS, () => this.#settle())
    if (this.#held.length >= GUESS_ROWS || this.#heldCharacters >= GUESS_CHARACTERS) this.#settle()
  }

  #settle(): void {
    this.#timer?.cancel()
    if (this.#shape !== undefined || this.#failed || this.#expected === undefined) return
    const { type, declared } = this.#expected
    this.#shape = shapeOf(
      refine(type, guessType(this.#held, declared, this.#structures), this.#structures),
      this.#structures,
    )
    const held = this.#held
    this.#held = []
    for (const value of held) this.#row(value, 0, value.length)
  }

  #announce(shape: Shape): void {
    if (this.#announced) return
    this.#announced = true
    this.#out.send(jdbcSchema(avroText(shape)))
  }

  #row(text: string, from: number, to: number): void {
    if (this.#failed) return
    const shape = this.#shape as Shape
    this.#announce(shape)
    try {
      this.#out.send(jdbcRecord(rewrite(text, from, to, shape)))
    } catch (cause) {
      if (!(cause instanceof ShapeError)) throw cause
      this.#error(errorFrame(cause.message))
      this.#stop(cause.message)
    }
  }

  /**
   * As the first frame it is what the driver reports; later the driver fails on it with its type, which is better than
   * a result that ends early and looks whole.
   */
  #error(frame: string): void {
    // What was held back was found before the error.
    if (this.#held.length > 0) this.#settle()
    this.#failed = true
    this.#out.send(frame)
  }
}

const ERROR_HEAD = '{"type":"ERROR"'

/** Statements that answer nothing. */
const SILENT: ReadonlySet<Statement['kind']> = new Set(['set', 'use'])

function answeredStatement(sql: string): number | null | undefined {
  let statements: readonly Statement[]
  try {
    statements = parseScript(sql)
  } catch {
    // The engine says what is wrong with it.
    return undefined
  }
  const last = statements.findLastIndex((s) => !SILENT.has(s.kind))
  return last < 0 ? undefined : statements.length === 1 ? null : last
}
