/** The JSON of a value in pieces of a size that a browser draws at once. */
import { useMemo, useState } from 'preact/hooks'
import { studio } from '../store.ts'
import { indented } from './json-tree.ts'

/** Not a limit: characters that are shown before one asks for more. */
const PIECE = 65_536

export function JsonView({ json }: { readonly json: string }) {
  const [shown, show] = useState(PIECE)
  // One more, so that it is known whether there is more.
  const text = useMemo(() => indented(json, shown + 1), [json, shown])
  const copy = (): void => {
    void navigator.clipboard.writeText(json).then(
      () => studio.set((s) => ({ ...s, announcement: 'copied' })),
      (cause: Error) => studio.set((s) => ({ ...s, announcement: `Not copied: ${cause.message}` })),
    )
  }
  return (
    <>
      <p class="json-bar">
        <button type="button" onClick={copy}>
          Copy JSON
        </button>
        <span class="soft">{json.length.toLocaleString('en')} characters</span>
      </p>
      <pre class="json">{text.slice(0, shown)}</pre>
      {text.length > shown && (
        <button type="button" onClick={() => show(shown + PIECE)}>
          Show more
        </button>
      )}
    </>
  )
}
