/** Two records side by side; what is different is marked by a sign, a word and a colour. */
import { useMemo, useState } from 'preact/hooks'
import { differences, type Mark, MAX_LEAVES } from './differences.ts'

interface Side {
  readonly title: string
  readonly json: string
}

const SIGNS: Readonly<Record<Mark, readonly [string, string]>> = {
  same: ['=', 'the same'],
  changed: ['≠', 'different'],
  left: ['−', 'only in the first'],
  right: ['+', 'only in the second'],
}

export function Differences({ left, right }: { readonly left: Side; readonly right: Side }) {
  const [showsAll, showAll] = useState(false)
  const { all, rest } = useMemo(() => differences(left.json, right.json), [left.json, right.json])
  const shown = showsAll ? all : all.filter(({ mark }) => mark !== 'same')
  const count = all.filter(({ mark }) => mark !== 'same').length
  return (
    <>
      <p class="json-bar">
        <span role="status">
          {count === 0 ? 'The two are the same.' : `${count.toLocaleString('en')} of ${all.length} values differ.`}
          {rest && ` Only the first ${MAX_LEAVES.toLocaleString('en')} values of each are compared.`}
        </span>
        <label>
          <input type="checkbox" checked={showsAll} onChange={() => showAll(!showsAll)} /> all values
        </label>
      </p>
      <table class="differences">
        <thead>
          <tr>
            <th scope="col">value</th>
            <th scope="col">
              <span class="unseen">outcome</span>
            </th>
            <th scope="col">{left.title}</th>
            <th scope="col">{right.title}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ path, mark, left: a, right: b }) => (
            <tr key={path} class={mark}>
              <th scope="row">{path}</th>
              <td title={SIGNS[mark][1]} aria-label={SIGNS[mark][1]}>
                {SIGNS[mark][0]}
              </td>
              <td>{a?.slice(0, 1000)}</td>
              <td>{b?.slice(0, 1000)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}
