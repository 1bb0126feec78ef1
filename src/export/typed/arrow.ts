/**
 * An Arrow IPC stream: a schema, record batches, the end. What became of the export stands in the metadata of a last
 * batch without rows under `sluice.outcome`. The messages are a library's work; the buffers come from `arrow-column`.
 */
import { type Data, RecordBatch, RecordBatchStreamWriter, Schema, Struct, makeData } from 'apache-arrow'
import type { ResultColumn } from '../../engine/host.ts'
import { collectYoung } from './collect-young.ts'
import type { RenderOptions } from '../../formats/format.ts'
import type { Value } from '../../types.ts'
import { type ArrowColumn, arrowColumn } from './arrow-column.ts'
import type { ByteOut } from '../byte-out.ts'
import { type ColumnNode, columnTree, distinctNames } from '../columns.ts'
import { fileFields, scalarOf } from './file-types.ts'
import type { ExportOutcome } from '../outcome.ts'
import { BATCH_BYTES, ROW_GROUP_ROWS } from './row-groups.ts'
import type { ResultWriter } from '../writer.ts'

/** Bytes of a value that has no length. */
const FIXED_BYTES = 8

/** The library's writer, with our bytes in place of its queue. */
class StreamWriter extends RecordBatchStreamWriter {
  #out: ByteOut | undefined

  to(out: ByteOut, schema: Schema): void {
    this.#out = out
    this.reset(undefined, schema)
  }
  protected override _write(chunk: ArrayBufferView): this {
    if (this._started) this.#out?.bytes(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    return this
  }
}

export class ArrowStream implements ResultWriter {
  readonly #out: ByteOut
  readonly #writer = new StreamWriter()
  readonly #schema: Schema
  readonly #columns: readonly { readonly column: ArrowColumn; of(row: readonly Value[]): Value }[]
  #rows = 0
  #bytes = 0

  constructor(out: ByteOut, columns: readonly ResultColumn[], render: RenderOptions) {
    this.#out = out
    const tree = columnTree(columns)
    const names = distinctNames(tree.map(({ name }) => name))
    const nodes = tree.map((node, i) => ({ ...node, name: names[i] }))
    const fields = fileFields(nodes)
    this.#columns = nodes.map((node, i) => ({
      column: arrowColumn(fields[i], (value, type) => {
        const scalar = scalarOf(value, type, node.name, render)
        this.#bytes += FIXED_BYTES
        if (typeof scalar === 'string' || scalar instanceof Uint8Array) this.#bytes += scalar.length
        return scalar
      }),
      of: takenFrom(node),
    }))
    this.#schema = new Schema(this.#columns.map(({ column }) => column.field))
    this.#writer.to(out, this.#schema)
  }

  row(row: readonly Value[]): void {
    try {
      for (const { column, of } of this.#columns) column.push(of(row))
    } catch (error) {
      // A row that fails leaves nothing behind.
      for (const { column } of this.#columns) column.truncate(this.#rows)
      throw error
    }
    this.#rows++
    if (this.#bytes < BATCH_BYTES && this.#rows < ROW_GROUP_ROWS) return
    this.#writeBatch()
    // Only now nothing holds the values of the batch any more.
    collectYoung()
  }

  finish(outcome: ExportOutcome): void {
    if (this.#rows > 0) this.#writeBatch()
    this.#writeBatch(new Map([['sluice.outcome', JSON.stringify(outcome)]]))
    this.#writer.finish()
    this.#out.flush()
  }

  #writeBatch(metadata?: Map<string, string>): void {
    const children: Data[] = this.#columns.map(({ column }) => column.take())
    const type = new Struct(this.#schema.fields)
    const data = makeData({ type, length: this.#rows, nullCount: 0, children })
    this.#writer.write(new RecordBatch(this.#schema, data, metadata))
    this.#rows = 0
    this.#bytes = 0
  }
}

/** A column out of a row; a structure that the SELECT list makes as a value of that type. */
function takenFrom(node: ColumnNode): (row: readonly Value[]) => Value {
  if (!('members' in node)) return (row) => row[node.column] ?? null
  const members = node.members.map((member) => ({ name: member.name, of: takenFrom(member) }))
  return (row) => new Map(members.map(({ name, of }) => [name, of(row)]))
}
