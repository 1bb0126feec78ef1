/** The form of a record: a line for each field, the optional ones switched on when something is typed. */
import { useId } from 'preact/hooks'
import { type Draft, type FormField, typed } from './form.ts'

/** Limit `studio.form.fields` (fields): of a form that are drawn. Beyond it: the search in the form finds the others. */
export const MAX_FORM_FIELDS = 200

interface Props {
  readonly fields: readonly FormField[]
  readonly draft: Draft
  readonly withHeaders: boolean
  /** The path of the field that is wrong. */
  readonly wrong: string | undefined
  change(draft: Draft): void
}

export function Form({ fields, draft, withHeaders, wrong, change }: Props) {
  // What is filled in is always seen.
  const given = fields.filter(({ path, required }) => required || draft.values.has(path))
  const rest = fields.filter((field) => !given.includes(field))
  const shown = fields.length <= MAX_FORM_FIELDS ? fields : [...given, ...rest].slice(0, MAX_FORM_FIELDS)
  return (
    <div class="form">
      {shown.map((field) => (
        <Line
          key={field.path}
          field={field}
          value={draft.values.get(field.path)}
          isWrong={wrong === field.path}
          change={(value) => change(typed(draft, field.path, value))}
        />
      ))}
      {shown.length < fields.length && (
        <Further
          fields={fields.filter((field) => !shown.includes(field))}
          add={(path) => change(typed(draft, path, ''))}
        />
      )}
      {withHeaders && <Headers draft={draft} change={change} />}
    </div>
  )
}

interface LineProps {
  readonly field: FormField
  readonly value: string | undefined
  readonly isWrong: boolean
  change(value: string | undefined): void
}

function Line({ field, value, isWrong, change }: LineProps) {
  const { path, type, required, doc } = field
  const id = useId()
  return (
    <div class="form-line">
      <input
        type="checkbox"
        aria-label={`Set ${path}`}
        title={required ? 'Required' : 'Off: left out (null, or the default)'}
        checked={value !== undefined}
        disabled={required && value !== undefined}
        onChange={(event) => change(event.currentTarget.checked ? (field.symbols[0] ?? '') : undefined)}
      />
      <label for={id} title={doc}>
        <span class="path">{path}</span>
        <span class="type">{type}</span>
        {required && <span class="soft">required</span>}
      </label>
      <Control id={id} field={field} value={value} isWrong={isWrong} change={change} />
      {doc !== '' && <span class="doc soft">{doc}</span>}
    </div>
  )
}

function Control({ id, field, value, isWrong, change }: LineProps & { readonly id: string }) {
  const { control, symbols } = field
  const choices = control === 'boolean' ? ['true', 'false'] : symbols
  if (control === 'boolean' || control === 'choice')
    return (
      <select
        id={id}
        value={value ?? ''}
        onChange={(event) => change(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
      >
        {value === undefined && <option value="">left out</option>}
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    )
  const common = {
    id,
    spellcheck: false,
    autocomplete: 'off',
    'aria-invalid': isWrong,
    value: value ?? '',
    placeholder: value === undefined ? 'left out' : '',
    onInput: (event: { readonly currentTarget: { readonly value: string } }) => change(event.currentTarget.value),
  } as const
  return control === 'json' ? (
    <textarea {...common} rows={3} placeholder='JSON: {"a": 1}, [1, 2], "text"' />
  ) : (
    <input {...common} type="text" inputMode={control === 'number' ? 'decimal' : 'text'} />
  )
}

function Further({ fields, add }: { readonly fields: readonly FormField[]; add(path: string): void }) {
  const id = useId()
  return (
    <label class="write-place">
      {fields.length.toLocaleString('en')} further fields; name one to fill it in
      <input
        type="text"
        list={id}
        onChange={(event) => {
          const path = event.currentTarget.value
          if (!fields.some((field) => field.path === path)) return
          event.currentTarget.value = ''
          add(path)
        }}
      />
      <datalist id={id}>
        {fields.map(({ path }) => (
          <option key={path} value={path} />
        ))}
      </datalist>
    </label>
  )
}

function Headers({ draft, change }: { readonly draft: Draft; change(draft: Draft): void }) {
  const { headers } = draft
  const put = (at: number, header: (typeof headers)[number] | undefined): void =>
    change({ ...draft, headers: headers.flatMap((h, i) => (i === at ? (header ?? []) : h)) })
  return (
    <fieldset class="form-headers">
      <legend>Headers</legend>
      {headers.map((header, at) => (
        <div key={at} class="search-line">
          <input
            type="text"
            aria-label={`Name of header ${at + 1}`}
            placeholder="name"
            value={header.name}
            onInput={(event) => put(at, { ...header, name: event.currentTarget.value })}
          />
          <input
            type="text"
            aria-label={`Value of header ${at + 1}`}
            placeholder="value"
            value={header.value}
            onInput={(event) => put(at, { ...header, value: event.currentTarget.value })}
          />
          <button type="button" class="quiet" aria-label={`Remove header ${at + 1}`} onClick={() => put(at, undefined)}>
            ✕
          </button>
        </div>
      ))}
      <button type="button" onClick={() => change({ ...draft, headers: [...headers, { name: '', value: '' }] })}>
        + Header
      </button>
    </fieldset>
  )
}
