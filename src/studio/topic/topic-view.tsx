/** A topic's page: what it is, above; below it its records, schema, partitions, configuration, groups, bad records. */
import type { ComponentType } from 'preact'
import { useState } from 'preact/hooks'
import { Part } from '../lazy.tsx'
import type { Lazy, ViewProps } from '../registry.ts'
import { changedTab, studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import { Facts } from './facts.tsx'
import type { TopicPartProps } from './part.ts'
import { loadDetails, loadState, useLoaded } from './use-topic.ts'

interface TopicPart extends Lazy<TopicPartProps> {
  /** The right without which it is not shown. */
  readonly right?: string
}

const table = (name: 'Partitions' | 'Configuration' | 'Groups') => () =>
  import('./tables.tsx').then((module) => ({ default: module[name] as ComponentType<TopicPartProps> }))

const PARTS: readonly TopicPart[] = [
  { id: 'records', title: 'Records', load: () => import('./search/records.tsx') },
  { id: 'schema', title: 'Schema', load: () => import('./schema/schema.tsx') },
  { id: 'partitions', title: 'Partitions', load: table('Partitions') },
  { id: 'configuration', title: 'Configuration', load: table('Configuration') },
  { id: 'groups', title: 'Consumer groups', load: table('Groups') },
  { id: 'bad', title: 'Bad records', load: () => import('./bad/bad-records.tsx') },
  { id: 'write', title: 'Write', right: 'insert', load: () => import('../write/write.tsx') },
]

export default function TopicView({ tab }: ViewProps) {
  const environment = useStore(studio, (state) => state.environment) ?? ''
  const topic = tab.subject ?? ''
  const [round, reload] = useState(0)
  const key = `${environment}/${topic}`
  const details = useLoaded(key, round, (signal) => loadDetails(environment, topic, signal))
  const state = useLoaded(key, round, (signal) => loadState(environment, topic, signal))
  if (details.value === undefined)
    return details.failure === undefined ? (
      <p class="notice" aria-busy="true">
        Reading {topic} …
      </p>
    ) : (
      <div class="notice" role="alert">
        <p>{details.failure}</p>
        <button type="button" onClick={() => reload((n) => n + 1)}>
          Try again
        </button>
      </div>
    )
  const props = { tab, topic, environment, details: details.value, state: state.value }
  return (
    <div class="topic-page">
      <Facts {...props} failure={details.failure ?? state.failure} reload={() => reload((n) => n + 1)} />
      <Parts {...props} />
    </div>
  )
}

function Parts(props: TopicPartProps) {
  const { tab, details, topic } = props
  const parts = PARTS.filter(({ right }) => right === undefined || details.rights.includes(right))
  const shown = parts.find(({ id }) => id === tab.panel) ?? parts[0]
  const show = (panel: string): void => studio.set((s) => changedTab(s, tab.id, { panel }))
  const press = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const next = parts[(parts.indexOf(shown) + by + parts.length) % parts.length]
    show(next.id)
    requestAnimationFrame(() => document.getElementById(`topic-tab-${next.id}`)?.focus())
  }
  return (
    <>
      <div class="panel-tabs" role="tablist" aria-label={`Parts of ${topic}`} onKeyDown={press}>
        {parts.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`topic-tab-${id}`}
            aria-selected={id === shown.id}
            aria-controls="topic-part"
            tabIndex={id === shown.id ? 0 : -1}
            onClick={() => show(id)}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="topic-part" id="topic-part" role="tabpanel" aria-labelledby={`topic-tab-${shown.id}`}>
        <Part key={`${shown.id} ${topic}`} of={shown} props={props} />
      </div>
    </>
  )
}
