/** A value as a tree: what is opened is taken apart then. Arrows move and open; a value can be copied and looked for. */
import { useMemo, useState } from 'preact/hooks'
import { timeText, timeStyle } from '../grid/timestamps.ts'
import { useStore } from '../use-store.ts'
import { childPath, childrenOf, type JsonNode, leafText, rootOf } from './json-tree.ts'

interface Props {
  readonly label: string
  readonly json: string
  /** What can be done with a value; `path` within the tree. */
  act(what: 'copy' | 'elsewhere', path: string, json: string): void
}

/** Not a limit: children of a node that are shown before one asks for more. */
const SHOWN = 100
/** Not a limit: characters of a text before one asks for all. */
const TEXT = 2000

interface Line {
  readonly node: JsonNode
  readonly path: string
  readonly depth: number
  readonly isOpen: boolean
  /** How many more there are to be shown below it; undefined for a line of a node. */
  readonly more?: number
}

export function TreeView({ label, json, act }: Props) {
  const root = useMemo(() => rootOf(json), [json])
  const [open, setOpen] = useState<ReadonlyMap<string, number>>(() => new Map([['', SHOWN]]))
  const [at, move] = useState(0)
  const time = useStore(timeStyle, (style) => style)
  const lines = useMemo(() => linesOf(json, root, open), [json, root, open])
  const current = Math.min(at, lines.length - 1)
  const set = (path: string, most: number | undefined): void => {
    const next = new Map(open)
    if (most === undefined) next.delete(path)
    else next.set(path, most)
    setOpen(next)
  }
  const choose = ({ path, more, isOpen, node }: Line): void => {
    if (more !== undefined) set(path, more)
    else if (node.hasChildren) set(path, isOpen ? undefined : SHOWN)
  }
  const press = (event: KeyboardEvent): void => {
    const line = lines[current]
    const next = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: lines.length - 1 }[event.key]
    if (next !== undefined) {
      const to = Math.max(0, Math.min(lines.length - 1, next))
      move(to)
      document.getElementById(`tree-${label}-${to}`)?.scrollIntoView({ block: 'nearest' })
    } else if (event.key === 'ArrowRight' && line.node.hasChildren) set(line.path, open.get(line.path) ?? SHOWN)
    else if (event.key === 'ArrowLeft' && line.isOpen) set(line.path, undefined)
    else if (event.key === 'ArrowLeft') move(parentOf(lines, current))
    else if (event.key === 'Enter') choose(line)
    else if ((event.ctrlKey || event.metaKey) && event.key === 'c') act('copy', line.path, source(json, line.node))
    else return
    event.preventDefault()
  }
  return (
    <div
      class="tree"
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={`tree-${label}-${current}`}
      onKeyDown={press}
    >
      {lines.map((line, i) => (
        <div
          key={`${line.path}${line.more ?? ''}`}
          id={`tree-${label}-${i}`}
          class={i === current ? 'line current' : 'line'}
          role="treeitem"
          aria-level={line.depth + 1}
          aria-selected={i === current}
          aria-expanded={line.more === undefined && line.node.hasChildren ? line.isOpen : undefined}
          style={{ paddingLeft: `${line.depth * 16 + 4}px` }}
          onClick={() => {
            move(i)
            choose(line)
          }}
        >
          {line.more !== undefined ? (
            <span class="soft">more …</span>
          ) : (
            <LineView json={json} line={line} time={time} act={act} />
          )}
        </div>
      ))}
    </div>
  )
}

/** The line above whose child this one is; 0 without one. */
function parentOf(lines: readonly Line[], at: number): number {
  return Math.max(
    0,
    lines.findLastIndex(({ depth }, i) => i < at && depth < lines[at].depth),
  )
}

function LineView({
  json,
  line,
  time,
  act,
}: {
  readonly json: string
  readonly line: Line
  readonly time: Parameters<typeof timeText>[1]
  act: Props['act']
}) {
  const { node, path, isOpen } = line
  const name = node.name === undefined ? '' : typeof node.name === 'number' ? `[${node.name}]` : node.name
  return (
    <>
      <span class="twist" aria-hidden="true">
        {node.hasChildren ? (isOpen ? '▾' : '▸') : ''}
      </span>
      {name !== '' && <span class="name">{name}</span>}
      {node.hasChildren ? (
        <span class="soft">{isOpen ? (node.kind === 'array' ? '[ ]' : '{ }') : source(json, node, 60)}</span>
      ) : (
        <span class={`value ${node.kind}`} title={node.kind === 'text' ? source(json, node, 300) : undefined}>
          {valueText(json, node, time)}
        </span>
      )}
      <span class="actions">
        <button
          type="button"
          class="quiet"
          tabIndex={-1}
          onClick={(event) => stop(event, () => act('copy', path, source(json, node)))}
        >
          Copy
        </button>
        {!node.hasChildren && node.kind !== 'null' && (
          <button
            type="button"
            class="quiet"
            tabIndex={-1}
            onClick={(event) => stop(event, () => act('elsewhere', path, source(json, node)))}
          >
            In other topics
          </button>
        )}
      </span>
    </>
  )
}

function stop(event: Event, act: () => void): void {
  event.stopPropagation()
  act()
}

function source(json: string, { start, end }: JsonNode, most = Number.POSITIVE_INFINITY): string {
  return end - start > most ? `${json.slice(start, start + most)}…` : json.slice(start, end)
}

function valueText(json: string, node: JsonNode, time: Parameters<typeof timeText>[1]): string {
  if (node.kind !== 'text') return json.slice(node.start, node.end)
  const text = leafText(json, node)
  if (text === '') return '""'
  return text.length > TEXT
    ? `${text.slice(0, TEXT)}… (${text.length.toLocaleString('en')} characters)`
    : timeText(text, time)
}

function linesOf(json: string, root: JsonNode, open: ReadonlyMap<string, number>): readonly Line[] {
  const lines: Line[] = []
  const visit = (node: JsonNode, path: string, depth: number): void => {
    const most = open.get(path)
    lines.push({ node, path, depth, isOpen: most !== undefined && node.hasChildren })
    if (most === undefined || !node.hasChildren) return
    const { children, rest } = childrenOf(json, node, most)
    for (const child of children) visit(child, childPath(path, child.name), depth + 1)
    if (rest) lines.push({ node, path, depth: depth + 1, isOpen: false, more: most + 10 * SHOWN })
  }
  if (!root.hasChildren) return [{ node: root, path: '', depth: 0, isOpen: false }]
  const most = open.get('') ?? SHOWN
  const { children, rest } = childrenOf(json, root, most)
  for (const child of children) visit(child, childPath('', child.name), 0)
  if (rest) lines.push({ node: root, path: '', depth: 0, isOpen: false, more: most + 10 * SHOWN })
  return lines
}
