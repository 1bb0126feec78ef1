/** How the statement under the caret would be run: its steps as a tree, what is not pushed down, what it reads. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { shortBytes } from '../explorer/topics.ts'
import { type Explained, type PlanNode, planText, priceText } from '../price/explain.ts'
import { pricingOf } from '../price/price-store.ts'
import type { PanelProps } from '../registry.ts'
import { useStore } from '../use-store.ts'
import { moved, stepText, treeRows } from './tree.ts'

export default function PlanPanel({ tab }: PanelProps) {
  const pricing = pricingOf(tab.id)
  const state = useStore(pricing.state, (s) => s)
  useEffect(() => {
    if (pricing.state.get().kind === 'none') pricing.askAgain()
  }, [])
  const known = state.kind === 'known' ? state.explained : state.kind === 'asking' ? state.last : undefined
  if (known?.plan !== undefined) return <Plan explained={known} root={known.plan} />
  if (state.kind === 'failed')
    return (
      <div class="plan">
        <pre class="error" role="alert">
          {state.message}
        </pre>
      </div>
    )
  return (
    <div class="plan">
      <p class="soft">
        {state.kind === 'asking'
          ? 'Asking for the plan …'
          : state.kind === 'unasked'
            ? state.why
            : 'The plan of a SELECT is shown here: put the caret into one.'}
      </p>
      {state.kind === 'unasked' && (
        <button type="button" onClick={() => pricing.askAgain()}>
          Explain
        </button>
      )}
    </div>
  )
}

function Plan({ explained, root }: { readonly explained: Explained; readonly root: PlanNode }) {
  const { pushed, notPushed, prices } = explained
  return (
    <div class="plan">
      <Tree root={root} />
      <p class="told">{priceText(prices, shortBytes)}</p>
      <Said title="Pushed down" lines={pushed} />
      <Said title="Not pushed down" lines={notPushed} />
      <details>
        <summary>As text</summary>
        <pre>{planText(root)}</pre>
      </details>
    </div>
  )
}

function Said({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) {
  if (lines.length === 0) return null
  return (
    <>
      <h3>{title}</h3>
      <ul>
        {lines.map((line) => (
          <li key={line} class="told">
            {line.replace(/^(Not pushed|Pushed) down: /, '')}
          </li>
        ))}
      </ul>
    </>
  )
}

function Tree({ root }: { readonly root: PlanNode }) {
  const [at, go] = useState('0')
  const place = useRef<HTMLDivElement>(null)
  const rows = treeRows(root)
  const current = rows.some(({ path }) => path === at) ? at : '0'
  const press = (event: KeyboardEvent): void => {
    const next = moved(rows, current, event.key)
    if (next === undefined) return
    event.preventDefault()
    go(next)
    requestAnimationFrame(() => place.current?.querySelector<HTMLElement>(`[data-path="${next}"]`)?.focus())
  }
  const step = (node: PlanNode, path: string) => {
    const { head, rest } = stepText(node)
    return (
      <li
        key={path}
        role="treeitem"
        aria-expanded={node.inputs.length === 0 ? undefined : true}
        aria-selected={path === current}
        data-path={path}
        tabIndex={path === current ? 0 : -1}
        onFocus={(event) => {
          event.stopPropagation()
          go(path)
        }}
      >
        <span class="plan-step" data-kind={node.kind}>
          <strong>{head}</strong>
          {rest !== '' && <code>{rest}</code>}
        </span>
        {node.inputs.length > 0 && <ul role="group">{node.inputs.map((input, i) => step(input, `${path}.${i}`))}</ul>}
      </li>
    )
  }
  return (
    <div ref={place}>
      <ul class="plan-tree" role="tree" aria-label="Plan" onKeyDown={press}>
        {step(root, '0')}
      </ul>
    </div>
  )
}
