/** What a run will read, before it runs: below the controls; what is not pushed down, in EXPLAIN's words. */
import { shortBytes } from '../explorer/topics.ts'
import { useStore } from '../use-store.ts'
import { ASKED_FROM_BYTES, type Explained, likelyBytes, priceText } from './explain.ts'
import type { Pricing } from './price-store.ts'

export function PriceLine({ pricing }: { readonly pricing: Pricing }) {
  const state = useStore(pricing.state, (s) => s)
  if (state.kind === 'none') return null
  if (state.kind === 'unasked') return <p class="price soft">{state.why}</p>
  // What is wrong is marked in the editor.
  if (state.kind === 'failed') return null
  const known = state.kind === 'known' ? state.explained : state.last
  if (known === undefined) return <p class="price soft">asking what it will read …</p>
  return <Known explained={known} isOld={state.kind === 'asking'} />
}

function Known({ explained, isOld }: { readonly explained: Explained; readonly isOld: boolean }) {
  const { prices, notPushed } = explained
  const isLarge = (likelyBytes(explained) ?? 0) > ASKED_FROM_BYTES
  return (
    <div class="price" aria-busy={isOld}>
      <p class={isLarge ? 'large' : 'soft'}>
        {isLarge ? '⚠ ' : ''}
        {priceText(prices, shortBytes)}
      </p>
      {notPushed.length > 0 && (
        <details>
          <summary>
            {notPushed.length === 1 ? '1 condition is' : `${notPushed.length} conditions are`} not pushed down
          </summary>
          <ul>
            {notPushed.map((line) => (
              <li key={line}>{line.replace(/^Not pushed down: /, '')}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}
