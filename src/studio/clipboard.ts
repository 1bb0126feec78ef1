/**
 * Text into the clipboard, everywhere on the page in this one way. Over plain http browsers give no clipboard to a page;
 * there the older way is taken. That neither works is shown, as a copy that did not happen is noticed too late.
 */
import { createStore, type Store } from './observable.ts'
import { studio } from './store.ts'

/** Why the last copy did not happen, for the eye. */
export const notCopied: Store<string | undefined> = createStore<string | undefined>(undefined)

/** What a browser has for it. */
export interface Hands {
  readonly clipboard: { writeText(text: string): Promise<void> } | undefined
  /** Whether the older way copied it. */
  byCommand(text: string): boolean
}

/** Copies, and announces `said`; or says why not. Never rejects. */
export async function copyText(text: string, said: string, hands: Hands = browser()): Promise<void> {
  const why = await refusal(text, hands)
  if (why !== undefined) return sayNotCopied(why)
  notCopied.set(() => undefined)
  studio.set((state) => ({ ...state, announcement: said }))
}

/** There is nothing to copy, and why: a sentence. */
export function sayNotCopied(why: string): void {
  notCopied.set(() => `Not copied: ${why}`)
  studio.set((state) => ({ ...state, announcement: '' }))
}

async function refusal(text: string, { clipboard, byCommand }: Hands): Promise<string | undefined> {
  let why =
    'over plain http the browser lets no page write into the clipboard. Open the page over https or on localhost.'
  try {
    if (clipboard !== undefined) {
      await clipboard.writeText(text)
      return undefined
    }
  } catch (cause) {
    why = cause instanceof Error ? cause.message : String(cause)
  }
  try {
    return byCommand(text) ? undefined : why
  } catch {
    return why
  }
}

function browser(): Hands {
  return { clipboard: 'clipboard' in navigator ? navigator.clipboard : undefined, byCommand }
}

/** A browser copies what is selected, and asks first what it is to be. */
function byCommand(text: string): boolean {
  const focused = document.activeElement
  const selected = document.createElement('textarea')
  selected.className = 'unseen'
  selected.value = ' '
  // Behind a dialog nothing can be selected.
  const place = focused?.closest('dialog') ?? document.body
  place.append(selected)
  let isCopied = false
  const give = (event: ClipboardEvent): void => {
    event.preventDefault()
    event.stopImmediatePropagation()
    event.clipboardData?.setData('text/plain', text)
    isCopied = event.clipboardData !== null
  }
  document.addEventListener('copy', give, { capture: true })
  try {
    selected.select()
    return document.execCommand('copy') && isCopied
  } finally {
    document.removeEventListener('copy', give, { capture: true })
    selected.remove()
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true })
  }
}
