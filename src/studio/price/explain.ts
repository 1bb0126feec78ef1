/** What the rows of EXPLAIN say, as data: the plan as a tree, what becomes a position and what does not, the price. Pure. */

/** A step of the plan. `text` is EXPLAIN's line, `kind` its first word. */
export interface PlanNode {
  readonly kind: string
  readonly text: string
  readonly inputs: readonly PlanNode[]
}

/** What one source costs. Counts are exact whole numbers; `bytes` is an estimate of what is stored. */
export interface Price {
  /** undefined where there is one source only. */
  readonly table: string | undefined
  readonly partitionsRead: number
  readonly partitions: number
  readonly records: number
  readonly bytes: number | undefined
}

export interface Explained {
  readonly plan: PlanNode | undefined
  /** Sentences of EXPLAIN. */
  readonly pushed: readonly string[]
  readonly notPushed: readonly string[]
  readonly prices: readonly Price[]
}

const READS =
  /^(?:(.*): r|R)eads ([\d,]+) of ([\d,]+) partitions, at most ([\d,]+) records(?:, about ([\d,]+) bytes)?\.$/

/** `lines`: the column `plan` of EXPLAIN. */
export function explained(lines: readonly string[]): Explained {
  const pushed: string[] = []
  const notPushed: string[] = []
  const prices: Price[] = []
  const tree: string[] = []
  for (const line of lines) {
    const reads = READS.exec(line)
    if (reads !== null)
      prices.push({
        table: reads[1],
        partitionsRead: whole(reads[2]),
        partitions: whole(reads[3]),
        records: whole(reads[4]),
        bytes: reads[5] === undefined ? undefined : whole(reads[5]),
      })
    else if (line.startsWith('Pushed down: ')) pushed.push(line)
    else if (line.startsWith('Not pushed down: ')) notPushed.push(line)
    else tree.push(line)
  }
  return { plan: treeOf(tree), pushed, notPushed, prices }
}

function whole(text: string): number {
  return Number(text.replaceAll(',', ''))
}

interface Growing {
  readonly kind: string
  readonly text: string
  readonly inputs: Growing[]
}

/** Two spaces are one level. */
function treeOf(lines: readonly string[]): PlanNode | undefined {
  const open: Growing[] = []
  let root: Growing | undefined
  for (const line of lines) {
    const depth = Math.floor((line.length - line.trimStart().length) / 2)
    const text = line.trim()
    const node: Growing = { kind: /^[A-Za-z]+/.exec(text)?.[0] ?? '', text, inputs: [] }
    open.length = Math.min(open.length, depth)
    if (root === undefined) root = node
    else (open.at(-1) ?? root).inputs.push(node)
    open.push(node)
  }
  return root
}

/** All sources together; bytes are undefined where none is known. */
export function total(prices: readonly Price[]): { readonly records: number; readonly bytes: number | undefined } {
  const known = prices.filter(({ bytes }) => bytes !== undefined)
  return {
    records: prices.reduce((sum, { records }) => sum + records, 0),
    bytes: known.length === 0 ? undefined : known.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
  }
}

/**
 * Bytes that a run is likely to read: of a plan that only takes the first rows, those of so many records. undefined where
 * nothing is known.
 */
export function likelyBytes({ plan, prices }: Explained): number | undefined {
  const { records, bytes } = total(prices)
  if (bytes === undefined || plan === undefined || records === 0) return bytes
  let rows = Number.POSITIVE_INFINITY
  for (let node: PlanNode | undefined = plan; node !== undefined; node = node.inputs[0]) {
    const limit = /^Limit (?:(\d+), )?(\d+)/.exec(node.text)
    const backwards = /backwards by \w+ until (\d+)/.exec(node.text)
    if (limit !== null) rows = Math.min(rows, Number(limit[1] ?? 0) + Number(limit[2]))
    else if (backwards !== null) return (bytes / records) * Math.min(records, Number(backwards[1]) * 4)
    else if (!['Project', 'Scan', 'Sort'].includes(node.kind) || node.inputs.length > 1) return bytes
    else if (node.kind === 'Sort' && !planText(node).includes('backwards by')) return bytes
  }
  return (bytes / records) * Math.min(records, rows)
}

/** A run that reads more than this is asked about once. Bytes. */
export const ASKED_FROM_BYTES = 1_000_000_000

/** `will read 1 of 3 partitions, at most 1,234 records, about 14 MB`. */
export function priceText(prices: readonly Price[], bytesText: (bytes: number) => string): string {
  if (prices.length === 0) return 'reads no records'
  const { records, bytes } = total(prices)
  const read = prices.reduce((sum, price) => sum + price.partitionsRead, 0)
  const all = prices.reduce((sum, price) => sum + price.partitions, 0)
  const of = prices.length === 1 ? '' : ` of ${prices.length} topics`
  const about = bytes === undefined ? '' : `, about ${bytesText(bytes)}`
  return `will read ${read} of ${all} partition${all === 1 ? '' : 's'}${of}, at most ${records.toLocaleString('en')} records${about}`
}

/** The tree as indented lines, for those who do not see it. */
export function planText(node: PlanNode, depth = 0): string {
  return [`${'  '.repeat(depth)}${node.text}`, ...node.inputs.map((input) => planText(input, depth + 1))].join('\n')
}
