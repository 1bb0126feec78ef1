/** The topics: searched, opened for their fields, drawn only where they are seen. */
import { useMemo } from 'preact/hooks'
import { studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import { VirtualList } from '../virtual/virtual-list.tsx'
import { openTopic } from './open-topic.ts'
import { type Line, lines, shortBytes, shortNumber, toggled, type Topic } from './topics.ts'
import { loadDetails, MAX_KNOWN, topicsStore } from './topics-store.ts'

const LINE_PIXELS = 28

export function Explorer() {
  const state = useStore(topicsStore, (s) => s)
  const isDrawerOpen = useStore(studio, (s) => s.drawer)
  const { topics, search, open } = state
  const shown = useMemo(() => lines({ topics, search, open }), [topics, search, open])
  const count = useMemo(() => shown.filter(({ kind }) => kind === 'topic').length, [shown])
  return (
    <nav class="explorer" id="explorer" aria-label="Topics" data-open={isDrawerOpen}>
      <div class="search">
        <input
          id="topic-search"
          type="search"
          placeholder="Search topics and fields"
          aria-label="Search topics and fields"
          spellcheck={false}
          autocomplete="off"
          value={state.search}
          onInput={(event) => {
            const search = event.currentTarget.value
            topicsStore.set((s) => ({ ...s, search }))
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && shown[0]?.kind === 'topic') openTopic(shown[0].topic.name)
          }}
        />
      </div>
      {state.failure !== undefined && (
        <p class="failure" role="alert">
          {state.failure}
        </p>
      )}
      <VirtualList
        label="Topics and their fields"
        count={shown.length}
        rowPixels={LINE_PIXELS}
        draw={(i) => <LineView key={i} line={shown[i]} />}
        choose={(i) => chosen(shown[i])}
        expand={(i, open) => expand(shown[i], open)}
      />
      <p class="count" aria-live="polite">
        {topics.length === 0 && state.loading ? 'Reading topics …' : countText(count, topics.length)}
      </p>
    </nav>
  )
}

/** Where fields are not loaded of all topics, the search says what it finds. */
function countText(count: number, all: number): string {
  return `${count.toLocaleString('en')} topics${all > MAX_KNOWN ? '; the search finds names' : ''}`
}

function chosen(line: Line): void {
  if (line.kind === 'topic') openTopic(line.topic.name)
}

function expand(line: Line, open: boolean): void {
  if (line.kind === 'topic' && line.isOpen !== open) toggle(line.topic.name)
}

function toggle(name: string): void {
  topicsStore.set((state) => toggled(state, name))
  if (topicsStore.get().open.has(name)) void loadDetails(name)
}

function LineView({ line }: { readonly line: Line }) {
  if (line.kind === 'note') return <span class="line note">{line.text}</span>
  if (line.kind === 'field')
    return (
      <span class={`line field depth-${Math.min(line.depth, 6)}`}>
        <span class="name" title={line.field.path}>
          {line.field.path}
        </span>
        <span class="type">{line.field.type}</span>
      </span>
    )
  return <TopicLine topic={line.topic} isOpen={line.isOpen} />
}

function TopicLine({ topic, isOpen }: { readonly topic: Topic; readonly isOpen: boolean }) {
  const { name, partitions, details } = topic
  const title = [
    name,
    details?.description,
    details === undefined ? undefined : `key ${details.keyFormat}, value ${details.valueFormat}`,
    `${partitions} partitions`,
    details?.records === undefined ? undefined : `${details.records.toLocaleString('en')} records`,
    details?.bytes === undefined ? undefined : `${details.bytes.toLocaleString('en')} bytes`,
  ]
  return (
    <span class="line topic" title={title.filter((text) => text !== undefined).join('\n')}>
      <span
        class="twist"
        aria-hidden="true"
        onClick={(event) => {
          event.stopPropagation()
          toggle(name)
        }}
      >
        {isOpen ? '▾' : '▸'}
      </span>
      <span class="name">{name}</span>
      <span class="numbers">
        <span class="partitions">{partitions}p</span>
        {details?.records !== undefined && <span>{shortNumber(details.records)}</span>}
        {details?.bytes !== undefined && <span>{shortBytes(details.bytes)}</span>}
      </span>
      {details !== undefined && <span class="format">{details.valueFormat}</span>}
    </span>
  )
}
