/** An input for each parameter of the text. Values are kept with the tab, as literals, so that a link holds them. */
import { useState } from 'preact/hooks'
import {
  asLiteral,
  inputOf,
  literalOf,
  parameterNames,
  type ParameterType,
  typeOfLiteral,
} from '../../sql/edit/parameters.ts'

interface Props {
  readonly text: string
  readonly values: Readonly<Record<string, string>>
  change(values: Readonly<Record<string, string>>): void
}

const TYPES: readonly ParameterType[] = ['text', 'number', 'time', 'boolean', 'null']

export function ParameterBar({ text, values, change }: Props) {
  const names = parameterNames(text)
  if (names.length === 0) return null
  return (
    <div class="parameters" role="group" aria-label="Parameters">
      {names.map((name) => (
        <Parameter
          key={name}
          name={name}
          value={Object.hasOwn(values, name) ? values[name] : ''}
          change={(value) => change({ ...values, [name]: value })}
        />
      ))}
    </div>
  )
}

function Parameter({
  name,
  value,
  change,
}: {
  readonly name: string
  readonly value: string
  change(value: string): void
}) {
  const literal = value === '' ? '' : asLiteral(value)
  const found = typeOfLiteral(literal)
  const [wanted, want] = useState<ParameterType>(found ?? 'text')
  // What is typed and no literal yet is kept here until it is one.
  const [draft, setDraft] = useState<string | undefined>(undefined)
  const type = found === undefined || (found === 'time' && wanted === 'text') ? wanted : found
  const typed = (input: string, as: ParameterType): void => {
    const next = literalOf(input, as)
    setDraft(next === undefined ? input : undefined)
    if (next !== undefined) change(next)
    else change('')
  }
  const isWrong = draft !== undefined
  return (
    <label class="parameter" data-missing={value === ''}>
      <code>:{name}</code>
      <input
        type="text"
        aria-label={`Value of ${name}`}
        aria-invalid={isWrong}
        disabled={type === 'null'}
        placeholder={type === 'time' ? '2026-01-01T00:00' : type}
        value={draft ?? (type === 'null' ? 'NULL' : inputOf(literal))}
        onInput={(event) => typed(event.currentTarget.value, isWrong ? wanted : type)}
      />
      <select
        aria-label={`Type of ${name}`}
        value={isWrong ? wanted : type}
        onChange={(event) => {
          const next = event.currentTarget.value as ParameterType
          want(next)
          const input = draft ?? (type === 'null' ? '' : inputOf(literal))
          if (next === 'null' || input !== '') typed(input, next)
          else change('')
        }}
      >
        {TYPES.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  )
}
