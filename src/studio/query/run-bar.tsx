/** The row of what can be done with a query, the price below it, and the question before much is read. */
import type { ComponentChildren } from 'preact'
import { keysText } from '../commands/commands.ts'
import { shortBytes } from '../explorer/topics.ts'
import { isActive, type RunState } from '../run/run-state.ts'
import { isMac, openDialog } from '../shell/shell-commands.ts'

interface Props {
  readonly state: RunState
  readonly children: ComponentChildren
  start(): void
  cancel(): void
  explain(): void
}

export function RunBar({ state, children, start, cancel, explain }: Props) {
  return (
    <div class="run-bar" role="toolbar" aria-label="Query">
      {isActive(state) ? (
        <button type="button" class="primary" onClick={cancel}>
          ■ Cancel <kbd>{keysText('Mod+.', isMac)}</kbd>
        </button>
      ) : (
        <button type="button" class="primary" onClick={start}>
          ▶ Run <kbd>{keysText('Mod+Enter', isMac)}</kbd>
        </button>
      )}
      <button type="button" onClick={explain}>
        Explain
      </button>
      {children}
      <span class="space" />
      <button type="button" class="quiet" onClick={() => openDialog('export')}>
        Export
      </button>
      <button type="button" class="quiet" onClick={() => openDialog('saved')}>
        Saved
      </button>
      <button type="button" class="quiet" onClick={() => openDialog('history')}>
        History
      </button>
    </div>
  )
}

/** Asks once before more than a gigabyte is read. */
export function Question({ bytes, yes, no }: { readonly bytes: number; yes(): void; no(): void }) {
  return (
    <div class="question" role="alertdialog" aria-label="Read much?">
      <span>
        ⚠ This reads about <strong>{shortBytes(bytes)}</strong>. A time range, or a condition on{' '}
        <code>_meta.offset</code> or <code>_meta.partition</code>, makes it less.
      </span>
      <button type="button" class="primary" ref={(button) => button?.focus()} onClick={yes}>
        Run all the same
      </button>
      <button type="button" onClick={no}>
        Do not run
      </button>
    </div>
  )
}
