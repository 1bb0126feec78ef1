/** What values are called in a chart, and what tells them apart: their kind and their whole text, however it is shown. */
import type { Cell } from '../../rows/result.ts'

/** Characters of a name that are shown. */
const SHOWN = 80

/** The same of two cells only where they are the same value. */
export function keyOf(cell: Cell | undefined): string {
  return cell === undefined ? '' : `${cell.kind} ${cell.text}`
}

/** What a cell is called on an axis. */
export function nameOf(cell: Cell | undefined): string {
  if (cell === undefined) return '(absent)'
  if (cell.kind === 'null') return 'null'
  return cell.text === '' ? '""' : shortened(cell.text)
}

function shortened(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

/** A value that is drawn: its name as it is, and in quotes where it is a text. */
export interface Named {
  readonly name: string
  readonly quoted: string
}

export function namedOf(cell: Cell | undefined): Named {
  const name = nameOf(cell)
  return { name, quoted: cell?.kind === 'text' ? JSON.stringify(shortened(cell.text)) : name }
}

/** The names; of those that would read alike texts stand in quotes, and what still reads alike is numbered. */
export function toldApart(all: readonly Named[]): string[] {
  const counts = new Map<string, number>()
  for (const { name } of all) counts.set(name, (counts.get(name) ?? 0) + 1)
  const taken = new Set<string>()
  return all.map(({ name, quoted }) => {
    const wanted = (counts.get(name) ?? 0) > 1 ? quoted : name
    let free = wanted
    for (let n = 2; taken.has(free); n++) free = `${wanted} (${n})`
    taken.add(free)
    return free
  })
}
