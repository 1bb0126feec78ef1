/** What an empty editor shows: queries for topics that are there. */
import { topicsStore } from '../explorer/topics-store.ts'
import { useStore } from '../use-store.ts'
import { exampleQueries } from './example-queries.ts'

export function Examples({ choose }: { choose(sql: string): void }) {
  const topics = useStore(topicsStore, (state) => state.topics)
  const queries = exampleQueries(topics)
  if (queries.length === 0) return <div class="panel empty" />
  return (
    <div class="panel empty">
      <div class="examples">
        <h2>Ask something</h2>
        <ul>
          {queries.map(({ title, sql }) => (
            <li key={sql}>
              <button type="button" onClick={() => choose(sql)}>
                <span>{title}</span>
                <code>{sql}</code>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  )
}
