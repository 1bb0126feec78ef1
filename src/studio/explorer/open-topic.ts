/** What choosing a topic does: its page, where the page has one, otherwise a query of its records. */
import { runInNewTab } from '../run/runs.ts'
import { firstQuery } from './first-query.ts'
import { shownTopic, studio } from '../store.ts'
import { hasView } from '../registry.ts'

export function openTopic(topic: string): void {
  if (hasView('topic')) return studio.set((state) => shownTopic(state, topic))
  runInNewTab(firstQuery(topic))
}
