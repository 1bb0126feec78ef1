/** The newest records of a topic at once, and the search that says in SQL what it looks for. */
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { addCommand } from '../../commands/commands.ts'
import { Part } from '../../lazy.tsx'
import { registered } from '../../registry.ts'
import { isActive } from '../../run/run-state.ts'
import { runIn, runInNewTab, runOf } from '../../run/runs.ts'
import { StatusLine } from '../../run/status-line.tsx'
import { changedTab, studio } from '../../store.ts'
import { useStore } from '../../use-store.ts'
import type { TopicPartProps } from '../part.ts'
import { placesOf, type Search, searchOf, searchParameters, searchSql } from './search.ts'
import { SearchBox } from './search-box.tsx'

export default function Records({ tab, topic, details }: TopicPartProps) {
  const run = runOf(tab.id)
  const state = useStore(run.state, (s) => s)
  const places = useMemo(() => placesOf(details), [details])
  const search = useMemo(() => searchOf(tab.parameters, tab.range), [tab.parameters, tab.range])
  const made = useMemo(() => searchSql(topic, search, places), [topic, search, places])
  const start = (): void => {
    if ('sql' in made) runIn(tab.id, made.sql)
  }
  useEffect(() => {
    if (run.state.get().phase === 'idle') start()
  }, [run])
  const latest = useRef(start)
  latest.current = start
  useEffect(() => {
    const removals = [
      addCommand({ id: 'run', title: 'Search in the topic', keys: 'Mod+Enter', run: () => latest.current() }),
      addCommand({
        id: 'cancel',
        title: 'Cancel the query',
        keys: 'Mod+.',
        when: () => isActive(run.state.get()),
        run: () => run.cancel(),
      }),
    ]
    return () => removals.forEach((remove) => remove())
  }, [run])
  const change = (next: Search): void =>
    studio.set((s) =>
      changedTab(s, tab.id, { parameters: searchParameters(next), range: next.range === '' ? undefined : next.range }),
    )
  const open = (): void => {
    if ('sql' in made) runInNewTab(made.sql)
  }
  const rows = registered().panels[0]
  return (
    <div class="topic-records">
      <SearchBox
        search={search}
        made={made}
        places={places}
        partitions={details.partitions.length}
        isRunning={isActive(state)}
        change={change}
        start={start}
        cancel={() => run.cancel()}
        open={open}
      />
      <div class="topic-rows">
        {state.error !== undefined && (
          <pre class="error" role="alert">
            {state.error.message}
          </pre>
        )}
        <Part of={rows} props={{ tab, run }} />
      </div>
      <StatusLine run={run} />
    </div>
  )
}
