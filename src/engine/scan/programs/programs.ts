/**
 * The record programs of one scan, by the schema ids that records name. A program is compiled when its schemas are
 * first met and kept, as topics go back and forth between schemas. `writer-schemas` finds the decoders it is made
 * with; `program-calls` calls it.
 */
import type { RecordBatch } from '../../../kafka/log.ts'
import type { Scan } from '../../../plan/plan.ts'
import { buildProgram, type ProgramSpec, type RecordProgram, type Sink } from '../../program/record-program.ts'
import { SchemaFinder } from './writer-schemas.ts'

/**
 * Limit `scan.programs` (programs): generated programs (combinations of writer schemas) kept for one scan. Beyond it:
 * all are dropped and made again when a record needs them.
 */
const MAX_PROGRAMS = 1000

/** Programs of one scan, and which of them is made for the record at hand. */
export class RecordPrograms {
  #spec: ProgramSpec
  readonly #schemas: SchemaFinder
  readonly #kept = new Map<string, RecordProgram>()
  /** Schemas of the record at hand; -1: no record named one yet. */
  #keyId = -1
  #valueId = -1
  #current: RecordProgram | undefined

  /** `signal` ends the wait for a schema. */
  constructor(spec: ProgramSpec, signal: AbortSignal) {
    this.#spec = spec
    this.#schemas = new SchemaFinder(spec.scan, signal)
  }

  /** The program for the schemas at hand; undefined when it has to be compiled first (`compile`). */
  get current(): RecordProgram | undefined {
    return this.#current
  }

  /** The next record was written with these schemas; -1 leaves the one of that side as it is. */
  switchTo(keyId: number, valueId: number): void {
    if (keyId !== -1) this.#keyId = keyId
    if (valueId !== -1) this.#valueId = valueId
    this.#current = this.#kept.get(this.#name())
  }

  /**
   * Compiles the program for the schemas at hand, which becomes `current`. `at`: where in the batch the first record
   * stands that was written with them. Waits for schemas that have to be fetched; rejects when the broker or the
   * registry fails.
   */
  async compile(batch: RecordBatch, at: number): Promise<RecordProgram> {
    // All at once, instead of the oldest one: a topic with so many schemas gains nothing by keeping any.
    if (this.#kept.size >= MAX_PROGRAMS) this.#kept.clear()
    const schemas = await this.#schemas.find(this.#keyId, this.#valueId, { batch, at })
    const program = buildProgram(this.#spec, schemas).run
    this.#kept.set(this.#name(), program)
    this.#current = program
    return program
  }

  /** Programs are made anew, with the schemas at hand, for another sink of the same kind. */
  replaceSink(sink: Sink): void {
    this.#spec = { ...this.#spec, sink }
    this.#kept.clear()
    this.#current = undefined
  }

  #name(): string {
    return `${this.#keyId}:${this.#valueId}`
  }
}

/** What a program does, whatever schemas it reads. Also for EXPLAIN CODE. */
export function programSpec(
  scan: Scan,
  sink: Sink,
  c: {
    readonly settings: { readonly 'validate.records': boolean }
    readonly render: ProgramSpec['render']
    readonly functions: ProgramSpec['functions']
    readonly title: string
  },
): ProgramSpec {
  return {
    scan,
    where: scan.where,
    sink,
    render: c.render,
    validate: c.settings['validate.records'],
    functions: c.functions,
    title: c.title,
  }
}
