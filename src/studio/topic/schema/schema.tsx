/** The schema of a topic as a tree; Enter, or a click, copies the path of a field as SQL writes it. */
import { useMemo, useState } from 'preact/hooks'
import { printExpr } from '../../../sql/print.ts'
import { copyText, notCopied } from '../../clipboard.ts'
import type { Column } from '../../rows/columns.ts'
import { runOf } from '../../run/runs.ts'
import { useStore } from '../../use-store.ts'
import { VirtualList } from '../../virtual/virtual-list.tsx'
import { column } from '../search/tree.ts'
import type { TopicPartProps } from '../part.ts'
import { type SchemaLine, schemaLines, toggled } from './schema-tree.ts'

const LINE_PIXELS = 28

export default function Schema({ tab, topic, details }: TopicPartProps) {
  const [closed, set] = useState<ReadonlySet<string>>(new Set())
  const [search, type] = useState('')
  const [copied, note] = useState('')
  const seen = useStore(runOf(tab.id).state, (state) => state.columns)
  const lines = useMemo(() => {
    const known = schemaLines(details, { closed, search })
    return details.value.type.kind === 'json' ? [...known, ...seenLines(seen, search)] : known
  }, [details, closed, search, seen])
  const copy = (line: SchemaLine): void => {
    if (line.path === '') return
    const text = printExpr(column(line.names ?? line.path.split('.')))
    void copyText(text, `Copied: ${text}`).then(() => note(notCopied.get() ?? `Copied: ${text}`))
  }
  return (
    <div class="topic-schema">
      <div class="search-line">
        <input
          type="search"
          placeholder="Search fields, types, descriptions"
          aria-label="Search the schema"
          spellcheck={false}
          value={search}
          onInput={(event) => type(event.currentTarget.value)}
        />
        <span class="soft">{copied === '' ? 'Enter or a click copies the path' : copied}</span>
      </div>
      <VirtualList
        label={`Schema of ${topic}`}
        count={lines.length}
        rowPixels={LINE_PIXELS}
        draw={(i) => <Line line={lines[i]} />}
        choose={(i) => copy(lines[i])}
        expand={(i, open) => {
          const { path, open: isOpen } = lines[i]
          if (isOpen !== undefined && isOpen !== open) set(toggled(closed, path))
        }}
      />
      {details.value.schema !== null && (
        <details class="schema-text">
          <summary>Text of the schema</summary>
          <pre>{pretty(details.value.schema)}</pre>
        </details>
      )}
    </div>
  )
}

function Line({ line: { name, depth, type, nullable, doc, symbols, open } }: { readonly line: SchemaLine }) {
  const note = [symbols?.join(' | '), doc].filter((text) => text !== undefined).join(' · ')
  return (
    <span class={`line field depth-${Math.min(depth, 6)}`} title={note}>
      <span class="twist" aria-hidden="true">
        {open === undefined ? '' : open ? '▾' : '▸'}
      </span>
      <span class="name">{name}</span>
      <span class="type">{type}</span>
      {!nullable && <span class="required">required</span>}
      <span class="doc">{note}</span>
    </span>
  )
}

/** Of JSON without a schema, the fields of the records that the page has. */
function seenLines(
  columns: readonly Pick<Column, 'path' | 'names' | 'numeric'>[],
  search: string,
): readonly SchemaLine[] {
  return columns
    .filter(({ path }) => !path.startsWith('_') && path.toLowerCase().includes(search.trim().toLowerCase()))
    .map(({ path, names, numeric }) => ({
      path,
      names,
      name: path,
      depth: 1,
      type: numeric ? 'number' : 'json',
      nullable: true,
      doc: 'seen in the records on this page',
    }))
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
