/**
 * The sink of a query whose result becomes a file: rows go to the writer of the format, SENTINEL frames into the
 * outcome. It knows neither HTTP nor threads.
 */
import type { FrameSink, ResultColumn, RowTarget, RunSummary } from '../engine/host.ts'
import type { RenderOptions } from '../formats/format.ts'
import type { SentinelReason } from '../protocol/frames.ts'
import type { Value } from '../types.ts'
import { ByteOut, type ByteTarget } from './byte-out.ts'
import { CsvWriter } from './csv.ts'
import { JsonWriter } from './json-text.ts'
import type { ExportOptions } from './options.ts'
import { type ExportOutcome, type ExportStop, stopOf } from './outcome.ts'
import type { ResultWriter } from './writer.ts'

const SENTINEL_HEAD = '{"type":"SENTINEL"'

/** Writes the result of a query into a target. */
export class ExportSink implements FrameSink, RowTarget {
  readonly #make: MakeWriter
  readonly #out: ByteOut
  readonly #stops: ExportStop[] = []
  #writer: ResultWriter | undefined
  #rows = 0

  constructor(out: ByteOut, make: MakeWriter) {
    this.#out = out
    this.#make = make
  }

  get target(): RowTarget {
    return this
  }

  begin(columns: readonly ResultColumn[], render: RenderOptions): void {
    this.#writer = this.#make(columns, render)
  }

  row(row: readonly Value[]): void {
    this.#writer?.row(row)
    this.#rows++
  }

  send(frame: string): void {
    if (!frame.startsWith(SENTINEL_HEAD)) return
    const { data } = JSON.parse(frame) as { data: { reason: SentinelReason } }
    this.#stops.push(stopOf(data.reason))
  }

  drained(): Promise<void> | undefined {
    return this.#out.drained()
  }

  /**
   * To be called when the query is over: ends the file. undefined: nothing of a file has been written, and the error of
   * the summary is all there is.
   */
  finish({ outcome: ended, error, badRecords }: RunSummary): ExportOutcome | undefined {
    if (this.#writer === undefined || (ended !== 'end' && this.#rows === 0 && this.#out.passed === 0)) return undefined
    const outcome: ExportOutcome = {
      outcome: ended !== 'end' ? 'error' : this.#stops.length > 0 ? 'limit' : 'complete',
      rows: this.#rows,
      ...(badRecords === 0 ? {} : { badRecords }),
      ...(ended === 'end' ? {} : { error: error ?? 'The export was ended.' }),
      ...(this.#stops.length === 0 ? {} : { stops: this.#stops }),
    }
    this.#writer.finish(outcome)
    return outcome
  }
}

/** Makes the writer of a file for columns. */
type MakeWriter = (columns: readonly ResultColumn[], render: RenderOptions) => ResultWriter

/** A sink for one file. The libraries of a format are loaded when a thread first needs them: they take memory. */
export async function exportSink(options: ExportOptions, target: ByteTarget): Promise<ExportSink> {
  const out = new ByteOut(target)
  return new ExportSink(out, await writerOf(options, out))
}

async function writerOf(options: ExportOptions, out: ByteOut): Promise<MakeWriter> {
  switch (options.format) {
    case 'csv':
      return (columns, render) => new CsvWriter(out, columns, render, options)
    case 'ndjson':
      return (columns, render) => new JsonWriter(out, columns, render, 'lines', options.outcome)
    case 'json':
      return (columns, render) => new JsonWriter(out, columns, render, 'array', options.outcome)
    case 'parquet': {
      const { ParquetFile } = await import('./typed/parquet.ts')
      return (columns, render) => new ParquetFile(out, columns, render)
    }
    case 'arrow': {
      const { ArrowStream } = await import('./typed/arrow.ts')
      return (columns, render) => new ArrowStream(out, columns, render)
    }
  }
}
