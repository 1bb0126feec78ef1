/**
 * What a configuration is made of, as schemas of zod: texts, numbers, times, sizes, maps with known keys, secrets.
 * Their errors say what was found and what is expected; `problemsOf` puts the place in front. All problems are
 * collected, so that a user sees them at once. Knows nothing of the server's own keys.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { didYouMean } from '../../lib/suggest.ts'
import { notOfferedKey } from '../http/not-offered.ts'

/** Every problem of a configuration, one sentence each. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(
      problems.length === 1
        ? problems[0]
        : `The configuration has ${problems.length} problems:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    )
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** A map of the configuration, as YAML gives it. */
export type Tree = Record<string, unknown>
/** Whether a value is a map, as YAML and JSON have them. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

type Issue = z.core.$ZodIssue

/**
 * Where credentials stand, and where they end up by mistake: no value that is found there is shown, but for what is
 * nearly a known word.
 */
const SECRET_PLACES =
  /^(?:environments\[\d+\]\.(?:kafka\.(?!brokers)|registry|glue|flink)|(?:users|serviceAccounts)(?!\[\d+\]\.permissions\[)|server\.(?:tls|session)|telemetry)/
/** Where there is little else: of unknown keys only what is nearly a known one is shown. */
const SECRET_KEYS = /\.(?:sasl|tls|session)$/

/**
 * The issues as sentences: `server.port (from --port): "x" is not …`. `origins` names where the value of a place came
 * from, when it was not the file: place → `--port`, `SLUICE_SERVER_PORT`.
 */
export function problemsOf(error: z.ZodError, origins: ReadonlyMap<string, string>): string[] {
  const sentences = (issue: Issue, before: readonly PropertyKey[]): string[] => {
    const path = [...before, ...issue.path]
    // Of several forms the last one is the full one.
    if (issue.code === 'invalid_union') return (issue.errors.at(-1) ?? []).flatMap((inner) => sentences(inner, path))
    if (issue.code === 'unrecognized_keys') {
      const texts = issue.message.split('\n')
      return issue.keys.map((key, i) => unknownAt(path, key, texts[i]))
    }
    const place = placeOf(path)
    const origin = origins.get(place)
    const from = origin === undefined ? '' : ` (from ${origin})`
    return [`${place === '' ? 'The configuration' : place}${from}: ${shownAt(place, issue.message)}`]
  }
  return [...new Set(error.issues.flatMap((issue) => sentences(issue, [])))]
}

/** A value in the text of a complaint, between marks that no configuration holds; `shownAt` takes them out. */
const [OPEN, CLOSE] = ['\u{fdd0}', '\u{fdd1}']
const MARKED = new RegExp(`${OPEN}[^${CLOSE}]*${CLOSE}`, 'u')

/** With the value, or without it where it may be a secret. */
function shownAt(place: string, message: string): string {
  const said = SECRET_PLACES.test(place) ? message.replace(MARKED, 'the value') : message
  return said.replace(OPEN, '').replace(CLOSE, '')
}

/** `text`: of the unknown key; it begins with a mark where there is nothing else that was meant. */
function unknownAt(path: readonly PropertyKey[], key: string, text: string): string {
  const isStrange = text.startsWith(OPEN)
  const said = text.replace(OPEN, '')
  const place = placeOf(path)
  // A key that holds spaces or colons is rather a value whose colon has no space behind it.
  if (isStrange && (SECRET_KEYS.test(place) || !/^[\w.*-]{1,60}$/.test(key)))
    return `${place === '' ? 'The configuration' : place}: an ${said.replace('.', ', not shown as it may be a secret.')}`
  return `${placeOf([...path, key])}: ${said}`
}

function placeOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '')
}

interface Saying {
  /** The value is never shown. */
  readonly secret?: boolean
  /** What to add about a word that is wrong. */
  readonly hint?: (word: string) => string | undefined
}

/** What may be shown of a value: a map or a list may hold secrets, an address a login. */
function shownValue(input: unknown): string {
  if (Array.isArray(input)) return 'a list'
  if (typeof input === 'object' && input !== null) return 'a map'
  // `name:password`, where it is no host with its port and no address.
  const isLogin = typeof input === 'string' && /[@\u{fdd0}\u{fdd1}]|^[^\s:]+:(?!\d{1,5}$|\/\/)\S/u.test(input)
  if (isLogin) return 'the value'
  return JSON.stringify(input)?.slice(0, 120) ?? 'the value'
}

/** The error of a value that is not `expected`: `"12x" is not …`, or `missing; …`. */
function complaint(input: unknown, expected: string, { secret = false, hint }: Saying): string {
  if (input === undefined || input === null) return `missing; expected ${expected}.`
  // A text in the place of a map or a list is often a login.
  const isHidden = secret || (typeof input === 'string' && /^a (?:map|list) (?!of column names)/.test(expected))
  const said = typeof input === 'string' ? hint?.(input) : undefined
  // What is nearly a known word is no secret; a map, true or a few characters are none either.
  const isPlain = said !== undefined || shownValue(input).length <= 6
  const value = isPlain || isHidden ? shownValue(input) : `${OPEN}${shownValue(input)}${CLOSE}`
  const shown = isHidden ? 'the value' : value
  return `${shown} is not ${expected}.${said === undefined ? '' : ` ${said}`}`
}

/** The parameter of a schema or check of zod that gives it such an error. */
export function wrong(expected: string, saying: Saying = {}) {
  return { error: ({ input }: { readonly input?: unknown }) => complaint(input, expected, saying) }
}

/** A value that `convert` understands: what it makes of it, undefined where it cannot. */
export function converted<T>(
  expected: string | ((given: unknown) => string),
  convert: (given: unknown) => T | undefined,
  saying: Saying = {},
): z.ZodType<T> {
  return z.unknown().transform((given, context) => {
    const value = convert(given)
    if (value !== undefined) return value
    context.addIssue(complaint(given, typeof expected === 'string' ? expected : expected(given), saying))
    return z.NEVER
  })
}

/** A text of at least one character. */
export const text = z.string(wrong('a text')).min(1, { ...wrong('a text'), abort: true })

/** Texts that may also be written as numbers or booleans in YAML. */
export const looseText = z.preprocess(
  (given) => (typeof given === 'number' || typeof given === 'boolean' ? String(given) : given),
  text,
)

/** true or false, which may be written as text. */
export const flag = z.preprocess(
  (given) => (given === 'true' ? true : given === 'false' ? false : given),
  z.boolean(wrong('true or false')),
)

/** A whole number, which may be written as text. Both bounds are allowed. */
export function integer(min: number, max: number): z.ZodType<number> {
  const error = wrong(`a whole number from ${min} to ${max}`)
  return z.preprocess(
    (given) => (typeof given === 'string' && /^-?\d{1,15}$/.test(given) ? Number(given) : given),
    z.int(error).min(min, error).max(max, error),
  )
}

function withUnit(units: Readonly<Record<string, number>>, expected: string, min: number): z.ZodType<number> {
  const read = (given: unknown): number | undefined => {
    const written = typeof given === 'number' ? String(given) : given
    const match = typeof written === 'string' ? /^\s*(\d{1,15})\s*([a-z]*)\s*$/i.exec(written) : null
    const number = match === null ? Number.NaN : Number(match[1]) * (units[match[2].toLowerCase()] ?? Number.NaN)
    return Number.isSafeInteger(number) ? number : undefined
  }
  return converted(
    (given) => (read(given) === undefined ? expected : `${expected}, at least ${min}`),
    (given) => {
      const number = read(given)
      return number !== undefined && number >= min ? number : undefined
    },
  )
}

/** Milliseconds. */
export function duration(min: number): z.ZodType<number> {
  return withUnit({ '': 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }, 'a time such as 500ms, 10s, 5m or 4h', min)
}

/** Bytes. */
export function size(min: number): z.ZodType<number> {
  return withUnit(
    { '': 1, b: 1, k: 1024, kb: 1024, m: 1024 ** 2, mb: 1024 ** 2, g: 1024 ** 3, gb: 1024 ** 3 },
    'a size such as 65536, 64k, 20m or 1g',
    min,
  )
}

/** One of the words, in any case; gives it as it is spelt here. */
export function oneOf<const T extends string>(...choices: readonly T[]): z.ZodType<T> {
  return converted(
    `one of ${choices.join(', ')}`,
    (given) => choices.find((choice) => typeof given === 'string' && choice.toLowerCase() === given.toLowerCase()),
    { hint: (word) => didYouMean(word, choices, 1) },
  )
}

/** Looks at several keys at once, also when some of them are wrong already. */
export type LookAtAll = (tree: Tree, problem: (key: string, text: string) => void) => void

/**
 * A map with these keys and no others; a key without a value is like one that is not there. An absent map is an empty
 * one. `short` is how a shorter form reads: an address instead of `{url: …}`.
 */
export function object<const S extends z.ZodRawShape>(
  shape: S,
  { short, check }: { readonly short?: (given: string) => Tree; readonly check?: LookAtAll } = {},
) {
  const known = Object.keys(shape)
  const error = (issue: z.core.$ZodRawIssue) =>
    issue.code === 'unrecognized_keys'
      ? (issue.keys as string[]).map((key) => unknownKey(key, known)).join('\n')
      : complaint(issue.input, `a map of ${known.join(', ')}`, {})
  const present = (given: unknown): unknown => {
    const tree = typeof given === 'string' ? (short?.(given) ?? given) : (given ?? {})
    return isTree(tree)
      ? Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== undefined && value !== null))
      : tree
  }
  return z
    .preprocess(present, z.strictObject(shape, { error }))
    .superRefine(
      (tree, context) =>
        check?.(tree as Tree, (key, message) => context.addIssue({ code: 'custom', path: [key], message })),
      { when: ({ value }) => isTree(value) },
    )
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = notOfferedKey(key) ?? didYouMean(key, known, 1)
  return meant === undefined ? `${OPEN}unknown key. Known here: ${known.join(', ')}.` : `unknown key. ${meant}`
}

/** What is a path by its looks. */
const ROOTED = /^(?:\.{0,2}\/|~\/|[A-Za-z]:[\\/])/

/**
 * The content of a file, whose path is added to `files` also when it cannot be read; then `problem` gets the reason and
 * the answer is undefined.
 */
export function readFile(path: string, files: string[], problem: (text: string) => void): string | undefined {
  files.push(path)
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable'
    // A text in the place of a path is often the secret itself.
    const shown = ROOTED.test(path) ? `the file ${JSON.stringify(path)}` : 'the file'
    problem(`${shown} cannot be read (${code}).`)
    return undefined
  }
}

const secretText = z.preprocess(
  (given) => (typeof given === 'number' ? String(given) : given),
  z.string(wrong('a text', { secret: true })).min(1, wrong('a text', { secret: true })),
)

/** The two keys of a secret: itself, and `…File`, the path of a file that holds it. `fillSecrets` reads the file. */
export function secret<const N extends string>(name: N) {
  const keys = { [name]: secretText.optional(), [`${name}File`]: text.optional() }
  return keys as unknown as Record<N | `${N}File`, z.ZodOptional<z.ZodType<string>>>
}

/** Puts secrets from their files (without the last line end) in the place of the `…File` keys. */
export function fillSecrets(
  tree: Tree,
  problem: (key: string, text: string) => void,
  files: string[],
  ...names: readonly string[]
): void {
  for (const name of names) {
    const path = tree[`${name}File`]
    if (path === undefined) continue
    if (tree[name] !== undefined) problem(name, `given together with ${name}File; give only one of them.`)
    else if (typeof path === 'string' && path !== '') {
      const content = readFile(path, files, (reason) => problem(`${name}File`, reason))?.replace(/\r?\n$/, '')
      if (content === '') problem(`${name}File`, 'the file is empty.')
      else if (content !== undefined) tree[name] = content
    }
  }
}

/** Whether a secret is given in one form or the other, valid or not. */
export function isGiven(tree: Tree, name: string): boolean {
  return tree[name] !== undefined || tree[`${name}File`] !== undefined
}

/** Without the keys that are undefined. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T
}
