/** The JSON of a value in pieces of a size that a browser draws at once. */
import { useMemo, useState } from 'preact/hooks'
import { copyText } from '../clipboard.ts'
import { indented } from './json-tree.ts'

/** Not a limit: characters that are shown before one asks for more. */
const PIECE = 65_536

export function JsonView({ json }: { readonly json: string }) {
  const [shown, show] = useState(PIECE)
  // One more, so that it is known whether there is more.
  const text = useMemo(() => indented(json, shown + 1), [json, shown])
  return (
    <>
      <p class="json-bar">
        <button type="button" onClick={() => void copyText(json, 'copied')}>
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
