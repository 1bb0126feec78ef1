/** What choosing a topic does: its page, where the page has one, otherwise a query of its records. */
import { runIn } from '../run/runs.ts'
import { firstQuery } from './first-query.ts'
import { shownTopic, studio, withTab } from '../store.ts'
import { hasView } from '../registry.ts'

export function openTopic(topic: string): void {
  if (hasView('topic')) return studio.set((state) => shownTopic(state, topic))
  const sql = firstQuery(topic)
  studio.set((state) => withTab(state, { sql }))
  runIn(studio.get().active, sql)
}
