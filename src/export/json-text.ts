/** NDJSON and JSON: a row is an object, as in `data.value` of a RECORD frame; no digit of a number is lost. */
import type { ResultColumn } from '../engine/host.ts'
import { spreadObject } from '../engine/program/output-code.ts'
import type { RenderOptions } from '../formats/format.ts'
import { jsonString, renderValue } from '../formats/text/render.ts'
import { oneLine } from '../lib/text/json-walk.ts'
import type { Value } from '../types.ts'
import type { ByteOut } from './byte-out.ts'
import { type ColumnNode, columnTree } from './columns.ts'
import type { ExportOptions } from './options.ts'
import type { ExportOutcome } from './outcome.ts'
import type { ResultWriter } from './writer.ts'

type Row = readonly Value[]

/** `form`: an object a line, or one array. */
export class JsonWriter implements ResultWriter {
  readonly #out: ByteOut
  readonly #text: (row: Row) => string
  readonly #form: 'lines' | 'array'
  readonly #says: ExportOptions['outcome']
  #rows = 0

  constructor(
    out: ByteOut,
    columns: readonly ResultColumn[],
    render: RenderOptions,
    form: 'lines' | 'array',
    says: ExportOptions['outcome'],
  ) {
    this.#out = out
    this.#form = form
    this.#says = says
    const nodes = columnTree(columns)
    this.#text = columns.some(({ spread }) => spread) ? spreadText(nodes, render) : objectText(nodes, render)
    if (form === 'array') out.text('[')
  }

  row(row: Row): void {
    this.#write(this.#text(row))
  }

  finish(outcome: ExportOutcome): void {
    if (this.#says === 'always' || (this.#says === 'incomplete' && outcome.outcome !== 'complete'))
      this.#write(JSON.stringify({ $sluice: outcome }))
    if (this.#form === 'array') this.#out.text(this.#rows === 0 ? ']\n' : '\n]\n')
    this.#out.flush()
  }

  #write(text: string): void {
    if (this.#form === 'lines') this.#out.text(`${oneLine(text)}\n`)
    else this.#out.text(this.#rows === 0 ? `\n${text}` : `,\n${text}`)
    this.#rows++
  }
}

function objectText(nodes: readonly ColumnNode[], render: RenderOptions): (row: Row) => string {
  const members = nodes.map((node, i) => ({
    head: `${i === 0 ? '' : ','}${jsonString(node.name)}:`,
    text: memberText(node, render),
  }))
  return (row) => {
    let text = '{'
    for (const member of members) text += member.head + member.text(row)
    return `${text}}`
  }
}

function memberText(node: ColumnNode, render: RenderOptions): (row: Row) => string {
  if ('members' in node) return objectText(node.members, render)
  const { column, type } = node
  return (row) => renderValue(row[column] ?? null, type, render)
}

/** With members of unknown names: of two of one name the later one gets a suffix, as in RECORD frames. */
function spreadText(nodes: readonly ColumnNode[], render: RenderOptions): (row: Row) => string {
  const parts = nodes.map((node) => ({
    name: 'spread' in node && node.spread ? null : jsonString(node.name),
    fallback: node.name,
    text: memberText(node, render),
  }))
  return (row) => spreadObject(parts.map(({ name, text, fallback }) => [name, text(row), fallback]))
}
