/** A search field over a list of statements: arrows choose, Enter opens. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

export interface Choice {
  readonly id: string
  readonly title?: string
  readonly sql: string
  readonly note: string
  /** Below the list while it is the chosen one, reachable by Tab. */
  readonly more?: ComponentChildren
  open(): void
}

interface Props {
  readonly label: string
  readonly search: string
  readonly choices: readonly Choice[]
  readonly none: string
  /** Whether the search has the focus first. */
  readonly focus?: boolean
  type(search: string): void
}

export function ChoiceList({ label, search, choices, none, focus = true, type }: Props) {
  const [at, move] = useState(0)
  const input = useRef<HTMLInputElement>(null)
  useLayoutEffect(() => {
    if (focus) input.current?.focus()
  }, [])
  const chosen = Math.min(at, choices.length - 1)
  const press = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (by !== 0) {
      event.preventDefault()
      move(Math.max(0, Math.min(choices.length - 1, chosen + by)))
    } else if (event.key === 'Enter') {
      event.preventDefault()
      choices[chosen]?.open()
    }
  }
  return (
    <div class="choices">
      <input
        type="text"
        role="combobox"
        aria-label={`Search ${label}`}
        aria-expanded="true"
        aria-controls="choices-list"
        aria-activedescendant={choices.length === 0 ? undefined : `choice-of-${chosen}`}
        placeholder="Search"
        autocomplete="off"
        spellcheck={false}
        ref={input}
        // biome-ignore lint/a11y/noAutofocus: a dialog begins where one types.
        autoFocus={focus}
        value={search}
        onInput={(event) => {
          type(event.currentTarget.value)
          move(0)
        }}
        onKeyDown={press}
      />
      <ul id="choices-list" role="listbox" aria-label={label}>
        {choices.map((choice, i) => (
          <li
            key={choice.id}
            id={`choice-of-${i}`}
            role="option"
            aria-selected={i === chosen}
            onClick={() => choice.open()}
            ref={(element) => {
              if (i === chosen) element?.scrollIntoView({ block: 'nearest' })
            }}
          >
            <span class="choice-head">
              {choice.title !== undefined && <strong>{choice.title}</strong>}
              <span class="soft">{choice.note}</span>
            </span>
            <code>{choice.sql}</code>
          </li>
        ))}
      </ul>
      {choices.length === 0 && <p class="none">{none}</p>}
      {choices[chosen]?.more !== undefined && <p class="choice-more">{choices[chosen].more}</p>}
    </div>
  )
}
