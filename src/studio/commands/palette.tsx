/** Go to a topic, or do something, by typing a part of its name. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { topicsStore } from '../explorer/topics-store.ts'
import { openTopic } from '../explorer/open-topic.ts'
import { useStore } from '../use-store.ts'
import type { DialogProps } from '../registry.ts'
import { bestFits, commands, fit, keysText } from './commands.ts'
import { isMac } from '../shell/shell-commands.ts'

/** Not a limit: more than that nobody reads. */
const SHOWN = 50

interface Choice {
  readonly id: string
  readonly kind: 'command' | 'topic'
  readonly title: string
  readonly keys?: string
  readonly rank: number
  run(): void
}

function useChoices(typed: string): readonly Choice[] {
  const all = useStore(commands, (map) => map)
  const topics = useStore(topicsStore, (state) => state.topics)
  return useMemo(() => {
    const choices: Choice[] = []
    for (const { id, title, keys, when, run } of all.values()) {
      const rank = fit(typed, title)
      if (rank !== undefined && id !== 'palette' && when?.() !== false)
        choices.push({ id: `command ${id}`, kind: 'command', title, keys, rank: rank + 0.5, run })
    }
    for (const { item, rank } of bestFits(typed, topics, SHOWN)) {
      const { name } = item
      choices.push({ id: `topic ${name}`, kind: 'topic', title: name, rank, run: () => openTopic(name) })
    }
    return choices.sort((a, b) => a.rank - b.rank).slice(0, SHOWN)
  }, [typed, all, topics])
}

export default function Palette({ close }: DialogProps) {
  const [typed, type] = useState('')
  const [at, move] = useState(0)
  const choices = useChoices(typed)
  const input = useRef<HTMLInputElement>(null)
  useLayoutEffect(() => input.current?.focus(), [])
  const chosen = choices[Math.min(at, choices.length - 1)]
  const choose = (choice: Choice | undefined): void => {
    if (choice === undefined) return
    close()
    // Behind the return of the focus.
    requestAnimationFrame(() => choice.run())
  }
  const press = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (by !== 0) {
      event.preventDefault()
      move((Math.min(at, choices.length - 1) + by + choices.length) % Math.max(1, choices.length))
    } else if (event.key === 'Enter') {
      event.preventDefault()
      choose(chosen)
    }
  }
  return (
    <div class="palette">
      <input
        type="text"
        role="combobox"
        aria-label="Go to a topic or command"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={chosen === undefined ? undefined : `choice-${choices.indexOf(chosen)}`}
        placeholder="Topic or command"
        autocomplete="off"
        spellcheck={false}
        ref={input}
        value={typed}
        onInput={(event) => {
          type(event.currentTarget.value)
          move(0)
        }}
        onKeyDown={press}
      />
      <ul id="palette-list" role="listbox" aria-label="Topics and commands">
        {choices.map((choice, i) => (
          <li
            key={choice.id}
            id={`choice-${i}`}
            role="option"
            aria-selected={choice === chosen}
            onClick={() => choose(choice)}
            ref={(element) => {
              if (choice === chosen) element?.scrollIntoView({ block: 'nearest' })
            }}
          >
            <span class="kind">{choice.kind}</span>
            <span class="name">{choice.title}</span>
            {choice.keys !== undefined && <kbd>{keysText(choice.keys, isMac)}</kbd>}
          </li>
        ))}
        {choices.length === 0 && <li class="none">Nothing is called like that.</li>}
      </ul>
    </div>
  )
}
