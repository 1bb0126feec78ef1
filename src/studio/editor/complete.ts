/**
 * What can stand at the caret, from what is known of tables, functions and settings: names of the user's own first,
 * written so that they can stand where they are put. Pure; it asks nobody.
 */
import { nextWords } from '../../sql/edit/next-words.ts'
import { parameterNames, withPlaceholders } from '../../sql/edit/parameters.ts'
import { type Place, placeAt } from '../../sql/editor-help.ts'
import { type Token, tokenize } from '../../sql/lex.ts'
import { isReserved } from '../../sql/keywords.ts'
import { printString } from '../../sql/print.ts'
import { fieldText, tableText } from './lints.ts'

/** One thing that is offered. `insert` replaces what is typed; `caret` is where the caret goes within it, from its end. */
export interface Offer {
  readonly label: string
  readonly insert: string
  readonly kind: 'topic' | 'field' | 'function' | 'setting' | 'keyword' | 'value' | 'header'
  /** A type, a signature. */
  readonly detail?: string
  /** A sentence. */
  readonly about?: string
}

export interface KnownField {
  readonly path: string
  readonly type: string
  readonly values?: readonly string[]
}

export interface Vocabulary {
  readonly functions: readonly { readonly name: string; readonly signature: string; readonly about: string }[]
  readonly settings: readonly { readonly name: string; readonly about: string }[]
}

/** What is known. Fields and headers by the name of the table. */
export interface Known {
  readonly topics: readonly { readonly name: string; readonly detail?: string }[]
  readonly vocabulary: Vocabulary
  fields(table: string): readonly KnownField[]
  headers(table: string): readonly string[]
}

/** What is offered: `from` is where it begins to replace. */
export interface Offers {
  readonly from: number
  readonly offers: readonly Offer[]
  /** Not all that fits may be there: with the next key it is asked again. */
  readonly cut?: boolean
}

const METADATA: readonly (readonly [string, string])[] = [
  ['_meta.timestamp', 'timestamp'],
  ['_meta.partition', 'int'],
  ['_meta.offset', 'long'],
  ['_meta.__keysize', 'int'],
  ['_meta.__valuesize', 'int'],
]
const FACETS: readonly (readonly [string, string])[] = [
  ['_key', 'key'],
  ['_value', 'value'],
  ['_headers', 'headers'],
  ['_bad', 'boolean'],
  ['_error', 'string'],
  ['_raw', 'bytes'],
]

/** The text is cut to the statement around the caret: what stands in others does not count. */
interface Around {
  readonly text: string
  readonly caret: number
  readonly offset: number
}

function statementAround(text: string, caret: number): Around {
  let from = 0
  for (const token of tokenize(text)) {
    if (token.text !== ';' || token.kind !== 'punctuation') continue
    if (token.end <= caret) from = token.end
    else return { text: text.slice(from, token.start), caret: caret - from, offset: from }
  }
  return { text: text.slice(from), caret: caret - from, offset: from }
}

/** The tables of the statement around the caret, by what they are reached by. */
export function tablesAround(text: string, caret: number): readonly string[] {
  const around = statementAround(withPlaceholders(text), caret)
  return [...new Set(placeAt(around.text, around.caret).sources.map(({ name }) => name))]
}

/** Which table's headers are wanted at the caret: behind `_headers.`. */
export function wantsHeaders(text: string, caret: number): boolean {
  return /_headers\.\w*$|_headers\['[^']*$/.test(text.slice(Math.max(0, caret - 200), caret))
}

/** undefined where nothing can be offered: in a comment, behind a number. */
export function offersAt(whole: string, caret: number, known: Known): Offers | undefined {
  const { text, caret: at, offset } = statementAround(whole, caret)
  const plain = withPlaceholders(text)
  const values = valueOffers(plain, at, known)
  if (values !== undefined) return { from: values.from + offset, offers: values.offers }
  const place = placeAt(plain, at)
  if (place.kind === 'nothing') return parameterOffers(whole, caret)
  const start = at - place.word.length
  const from = plain[start - 1] === '`' ? start - 1 : start
  const offers = offersOf(place, plain, from, known)
  if (offers.length === 0) return undefined
  return { from: from + offset, offers, cut: place.kind === 'table' && known.topics.length > MAX_TOPIC_OFFERS }
}

function parameterOffers(text: string, caret: number): Offers | undefined {
  const match = /:(\w*)$/.exec(text.slice(0, caret))
  if (match === null) return undefined
  return {
    from: caret - match[1].length,
    offers: parameterNames(text).map((name) => ({ label: name, insert: name, kind: 'value' })),
  }
}

function offersOf(place: Place, text: string, from: number, known: Known): Offer[] {
  const { settings } = known.vocabulary
  switch (place.kind) {
    case 'table':
      return tableOffers(known, place.path.map((step) => `${step}.`).join(''), place.word)
    case 'setting':
      return settings.map(({ name, about }) => {
        const head = place.path.length === 0 ? '' : `${place.path.join('.')}.`
        const rest = name.startsWith(head) ? name.slice(head.length) : name
        return { label: rest, insert: rest, kind: 'setting', about }
      })
    case 'statement':
    case 'show':
      return keywords(text.slice(0, from))
    default:
      return place.path.length > 0 ? below(place, known) : columnOffers(place, text.slice(0, from), known)
  }
}

/**
 * Limit `studio.offers.topics` (topics): topics that are offered at once. Beyond it: those whose names hold what is typed,
 * first those that begin with it; they are looked for again with each key.
 */
export const MAX_TOPIC_OFFERS = 500

function tableOffers(known: Known, head: string, word: string): Offer[] {
  const below = head === '' ? known.topics : known.topics.filter(({ name }) => name.startsWith(head))
  return (below.length <= MAX_TOPIC_OFFERS ? below : holding(below, head.length, word)).map(({ name, detail }) => {
    const rest = name.slice(head.length)
    return { label: rest, insert: tableText(rest), kind: 'topic', ...(detail === undefined ? {} : { detail }) }
  })
}

function holding(topics: Known['topics'], from: number, word: string): Known['topics'] {
  const typed = word.toLowerCase()
  const [first, others]: [Known['topics'][number][], Known['topics'][number][]] = [[], []]
  for (const topic of topics) {
    const at = topic.name.toLowerCase().indexOf(typed, from)
    if (at === from) first.push(topic)
    else if (at > from && others.length < MAX_TOPIC_OFFERS) others.push(topic)
    if (first.length === MAX_TOPIC_OFFERS) break
  }
  return [...first, ...others].slice(0, MAX_TOPIC_OFFERS)
}

function columnOffers(place: Place, before: string, known: Known): Offer[] {
  const words = keywords(before)
  const operand = expectsOperand(before)
  if (!operand) return words
  const fields = place.sources.flatMap(({ name }) => known.fields(name))
  const seen = new Set<string>()
  const own = fields.filter(({ path }) => !seen.has(path) && seen.add(path)).map(fieldOffer)
  const aliases = place.sources.flatMap(({ name, alias }): Offer[] =>
    alias === undefined ? [] : [{ label: alias, insert: nameText(alias), kind: 'topic', detail: name }],
  )
  const facets = [...METADATA, ...FACETS].map(
    ([path, type]): Offer => ({ label: path, insert: path, kind: 'field', detail: type }),
  )
  return [...own, ...aliases, ...facets, ...functions(known), ...words]
}

/** Whether a value is wanted, and not what joins two of them. */
function expectsOperand(before: string): boolean {
  const last = tokenize(before)
    .filter(({ kind }) => kind !== 'comment')
    .at(-1)
  if (last === undefined) return true
  return last.kind === 'operator' || '([{,:'.includes(last.text) || isOpening(last)
}

/** Words behind which a value stands. */
function isOpening({ upper }: Token): boolean {
  return /^(SELECT|WHERE|AND|OR|NOT|ON|BY|HAVING|WHEN|THEN|ELSE|CASE|IN|LIKE|BETWEEN|DISTINCT|FILTER|SET)$/.test(upper)
}

function functions({ vocabulary }: Known): Offer[] {
  // CAST is a word of the grammar.
  const called = vocabulary.functions.filter(({ name }) => name !== 'cast')
  return called.map(({ name, signature, about }) => ({
    label: name.toUpperCase(),
    insert: `${name.toUpperCase()}(`,
    kind: 'function',
    detail: signature.slice(name.length),
    about,
  }))
}

let lastWords: { readonly before: string; readonly offers: Offer[] } | undefined

/** Of one place: while a word is typed there, the parser is asked once. */
function keywords(before: string): Offer[] {
  if (lastWords?.before !== before)
    lastWords = {
      before,
      offers: nextWords(before).map((word) => ({ label: word, insert: word, kind: 'keyword' })),
    }
  return lastWords.offers
}

function fieldOffer({ path, type }: KnownField): Offer {
  return { label: path, insert: firstName(fieldText(path)), kind: 'field', detail: type }
}

/** A reserved word is a name between back-ticks only, unless it stands behind a dot. */
function firstName(text: string): string {
  const [first, ...rest] = text.split('.')
  return [nameText(first), ...rest].join('.')
}

function nameText(name: string): string {
  return isReserved(name) ? `\`${name}\`` : name.startsWith('`') ? name : fieldText(name)
}

/** Fields behind a dot: of a table or alias, of a structure, of the metadata; headers. */
function below({ path, sources }: Place, known: Known): Offer[] {
  const [first, ...more] = path
  const source = sources.find(({ name, alias }) => (alias ?? name) === first)
  const steps = source === undefined ? path : more
  const tables = source === undefined ? sources : [source]
  if (steps[0] === '_headers' || steps[0] === '_header')
    return tables.flatMap(({ name }) =>
      known.headers(name).map((header): Offer => ({ label: header, insert: fieldText(header), kind: 'header' })),
    )
  const prefix = steps.map((step) => `${step}.`).join('')
  const all: readonly KnownField[] = [
    ...tables.flatMap(({ name }) => known.fields(name)),
    ...METADATA.map(([p, type]) => ({ path: p, type })),
  ]
  const value = steps[0] === '_value' ? prefix.slice('_value.'.length) : prefix
  const seen = new Set<string>()
  return all.flatMap((field): Offer[] => {
    if (!field.path.startsWith(value)) return []
    const rest = field.path.slice(value.length)
    if (rest === '' || seen.has(rest)) return []
    seen.add(rest)
    return [{ label: rest, insert: fieldText(rest), kind: 'field', detail: field.type }]
  })
}

/** Values of a field that a schema lists, behind `field =` and `field IN (`; with and without the quote typed. */
function valueOffers(text: string, caret: number, known: Known): Offers | undefined {
  const before = tokenize(text.slice(0, caret)).filter(({ kind }) => kind !== 'comment')
  const last = before.at(-1)
  const isOpen = last?.kind === 'error' && /^['"]/.test(last.text)
  const rest = isOpen ? before.slice(0, -1) : before
  let at = rest.length - 1
  if (rest[at]?.text === '(' || rest[at]?.text === ',') {
    while (at >= 0 && rest[at].upper !== 'IN') at--
  }
  const operator = rest[at]
  if (operator === undefined || !(/^(=|!=|<>)$/.test(operator.text) || operator.upper === 'IN')) return undefined
  if (operator.upper === 'IN' && rest[rest.length - 1] === operator) return undefined
  at -= rest[at - 1]?.upper === 'NOT' ? 2 : 1
  const steps: string[] = []
  for (; at >= 0; at -= 2) {
    steps.unshift(rest[at].value)
    if (rest[at - 1]?.text !== '.') break
  }
  const { sources } = placeAt(text, 0)
  const path = steps.join('.').replace(/^_value\./, '')
  const values = sources.flatMap(({ name, alias }) =>
    known.fields(name).flatMap((field) => {
      const isIt = field.path === path || `${alias ?? name}.${field.path}` === path
      return isIt && field.type === 'boolean' ? ['TRUE', 'FALSE'] : isIt ? (field.values ?? []).map(printString) : []
    }),
  )
  if (values.length === 0) return undefined
  const from = isOpen ? last.start : caret
  return { from, offers: values.map((value) => ({ label: value, insert: value, kind: 'value' })) }
}
