/** Saves the shown query by a name, and opens saved ones: the user's own, and those that others share. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { DialogProps } from '../registry.ts'
import { activeTab, studio } from '../store.ts'
import { ChoiceList } from './choice-list.tsx'
import { openQuery } from './open-query.ts'
import { deleteQuery, found, ownParameters, savedQueries, type SavedQuery, saveQuery } from './saved.ts'

export default function SavedDialog({ close }: DialogProps) {
  const environment = studio.get().environment ?? ''
  const [queries, set] = useState<readonly SavedQuery[] | undefined>(undefined)
  const [message, say] = useState<{ readonly text: string; readonly isBad: boolean } | undefined>(undefined)
  const [search, type] = useState('')
  const tab = activeTab(studio.get())
  const canSave = tab?.view === 'query' && tab.sql.trim() !== ''
  const fail = (cause: unknown): void =>
    say({ text: cause instanceof Error ? cause.message : String(cause), isBad: true })
  const load = (): void => void savedQueries(environment).then(set, fail)
  useEffect(load, [])
  const remove = (query: SavedQuery): void =>
    void deleteQuery(environment, query).then(() => {
      say({ text: `Deleted “${query.name}”.`, isBad: false })
      load()
    }, fail)
  return (
    <div class="statements">
      {canSave && (
        <SaveForm
          save={(name, shared) =>
            void saveQuery(environment, {
              name,
              sql: tab.sql,
              parameters: ownParameters(tab.sql, tab.parameters),
              shared,
            }).then(() => {
              say({ text: `Saved “${name}”.`, isBad: false })
              load()
            }, fail)
          }
        />
      )}
      <p class={message?.isBad === true ? 'failure' : 'soft'} role="status">
        {message?.text}
      </p>
      <ChoiceList
        label="Saved queries"
        search={search}
        type={type}
        focus={!canSave}
        none={noneText(queries, message?.isBad === true)}
        choices={found(queries ?? [], search).map((query) => ({
          id: `${query.owner} ${query.name}`,
          title: query.name,
          sql: query.sql,
          note: query.mine ? (query.shared ? 'yours, shared' : 'yours') : `of ${query.owner}`,
          open: () => {
            close()
            openQuery(query.sql, query.parameters)
          },
          more: query.mine ? (
            <button
              type="button"
              class="quiet"
              onClick={(event) => {
                event.stopPropagation()
                remove(query)
              }}
            >
              Delete “{query.name}”
            </button>
          ) : undefined,
        }))}
      />
    </div>
  )
}

/** A failure, which stands above, is no loading. */
function noneText(queries: readonly SavedQuery[] | undefined, hasFailed: boolean): string {
  if (queries !== undefined) return 'No saved query is called like that.'
  return hasFailed ? 'The saved queries are not known. Open this again to try again.' : 'Loading …'
}

function SaveForm({ save }: { save(name: string, shared: boolean): void }) {
  const [name, setName] = useState('')
  const [shared, share] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [])
  return (
    <form
      class="save-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (name.trim() !== '') save(name.trim(), shared)
      }}
    >
      <input
        ref={input}
        // biome-ignore lint/a11y/noAutofocus: a dialog begins where one types.
        autoFocus
        type="text"
        aria-label="Name of the query"
        placeholder="Save this query as …"
        maxLength={100}
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <label class="check">
        <input type="checkbox" checked={shared} onChange={(event) => share(event.currentTarget.checked)} />
        share
      </label>
      <button type="submit" class="primary" disabled={name.trim() === ''}>
        Save
      </button>
    </form>
  )
}
