/**
 * Checks a configuration tree against readers: each takes a value and the name of its place, and gives the typed value
 * or writes down what is wrong with it. All problems are collected, so that a user sees them at once. Knows nothing of
 * the server's own keys.
 */
import { readFileSync } from 'node:fs'
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

export class Check {
  readonly problems: string[] = []
  /** Paths of the files that were read, or should have been. */
  readonly files: string[] = []
  /** Where a value came from, when it was not the file: place → `--port`, `SLUICE_PORT`. */
  readonly #origins: ReadonlyMap<string, string>

  constructor(origins: ReadonlyMap<string, string> = new Map()) {
    this.#origins = origins
  }

  problem(place: string, text: string): void {
    const origin = this.#origins.get(place)
    this.problems.push(
      `${place === '' ? 'The configuration' : place}${origin === undefined ? '' : ` (from ${origin})`}: ${text}`,
    )
  }

  /** `"12x" is not …`; a secret's value is never shown. */
  wrong(place: string, value: unknown, expected: string, secret = false, hint?: string): undefined {
    const shown = secret ? 'the value' : JSON.stringify(value)?.slice(0, 120)
    this.problem(
      place,
      value === undefined || value === null
        ? `missing; expected ${expected}.`
        : `${shown} is not ${expected}.${hint === undefined ? '' : ` ${hint}`}`,
    )
  }

  done(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems)
  }
}

export type Read<T> = (value: unknown, place: string, check: Check) => T | undefined

export const text: Read<string> = (value, place, check) =>
  typeof value === 'string' && value !== '' ? value : check.wrong(place, value, 'a text')

/** Texts that may also be written as numbers or booleans in YAML. */
export const looseText: Read<string> = (value, place, check) =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : text(value, place, check)

export const flag: Read<boolean> = (value, place, check) => {
  if (typeof value === 'boolean') return value
  return value === 'true' ? true : value === 'false' ? false : check.wrong(place, value, 'true or false')
}

export function integer(min: number, max: number): Read<number> {
  return (value, place, check) => {
    const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number
    return check.wrong(place, value, `a whole number from ${min} to ${max}`)
  }
}

function withUnit(units: Readonly<Record<string, number>>, expected: string, min: number): Read<number> {
  return (value, place, check) => {
    const match = /^\s*(\d{1,15})\s*([a-z]*)\s*$/i.exec(
      typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '',
    )
    const factor = match === null ? undefined : units[match[2].toLowerCase()]
    if (match === null || factor === undefined) return check.wrong(place, value, expected)
    const number = Number(match[1]) * factor
    if (!Number.isSafeInteger(number)) return check.wrong(place, value, expected)
    return number >= min ? number : check.wrong(place, value, `${expected}, at least ${min}`)
  }
}

/** Milliseconds. */
export function duration(min: number): Read<number> {
  return withUnit({ '': 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }, 'a time such as 500ms, 10s, 5m or 4h', min)
}

/** Bytes. */
export function size(min: number): Read<number> {
  return withUnit(
    { '': 1, b: 1, k: 1024, kb: 1024, m: 1024 ** 2, mb: 1024 ** 2, g: 1024 ** 3, gb: 1024 ** 3 },
    'a size such as 65536, 64k, 20m or 1g',
    min,
  )
}

export function oneOf<const T extends string>(...choices: readonly T[]): Read<T> {
  return (value, place, check) => {
    const found = typeof value === 'string' ? choices.find((c) => c.toLowerCase() === value.toLowerCase()) : undefined
    if (found !== undefined) return found
    const hint = typeof value === 'string' ? didYouMean(value, choices, 1) : undefined
    return check.wrong(place, value, `one of ${choices.join(', ')}`, false, hint)
  }
}

export function list<T>(item: Read<T>, expected: string): Read<T[]> {
  return (value, place, check) => {
    if (!Array.isArray(value)) return check.wrong(place, value, expected)
    return value.flatMap((entry, i) => {
      const read = item(entry, `${place}[${i}]`, check)
      return read === undefined ? [] : [read]
    })
  }
}

/** A map with free names. */
export function mapOf<T>(item: Read<T>, expected: string): Read<Record<string, T>> {
  return (value, place, check) => {
    if (!isTree(value)) return check.wrong(place, value, expected)
    const entries = Object.entries(value).flatMap(([name, entry]) => {
      const read = item(entry, `${place}.${name}`, check)
      return read === undefined ? [] : [[name, read] as const]
    })
    return Object.fromEntries(entries)
  }
}

export type Tree = Record<string, unknown>
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The tree itself, after a look at its keys; keys that are not `known` are problems. An absent tree is an empty one.
 */
export function keys(value: unknown, place: string, known: readonly string[], check: Check): Tree | undefined {
  if (value === undefined || value === null) return {}
  if (!isTree(value)) return check.wrong(place, value, `a map of ${known.join(', ')}`)
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    check.problem(
      place === '' ? key : `${place}.${key}`,
      `unknown key. ${notOfferedKey(key) ?? didYouMean(key, known, 1) ?? `Known here: ${known.join(', ')}.`}`,
    )
  }
  return value
}

/** The value of `key`, which may be left out. */
export function optional<T>(tree: Tree, place: string, key: string, read: Read<T>, check: Check): T | undefined {
  const value = tree[key]
  return value === undefined || value === null ? undefined : read(value, place === '' ? key : `${place}.${key}`, check)
}

export function readFile(path: string, place: string, check: Check): string | undefined {
  check.files.push(path)
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable'
    check.problem(place, `the file ${JSON.stringify(path)} cannot be read (${code}).`)
    return undefined
  }
}

/**
 * A secret that stands under `key`, or in the file named by `keyFile` (without its last line end). Its value never gets
 * into a message.
 */
export function secret(tree: Tree, place: string, key: string, check: Check): string | undefined {
  const at = (name: string) => (place === '' ? name : `${place}.${name}`)
  const fileKey = `${key}File`
  const value = tree[key]
  const path = tree[fileKey]
  if (value !== undefined && value !== null && path !== undefined && path !== null) {
    check.problem(at(key), `given together with ${fileKey}; give only one of them.`)
    return undefined
  }
  if (path !== undefined && path !== null) {
    const file = text(path, at(fileKey), check)
    const content = file === undefined ? undefined : readFile(file, at(fileKey), check)?.replace(/\r?\n$/, '')
    if (content === '') check.problem(at(fileKey), 'the file is empty.')
    return content === '' ? undefined : content
  }
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : check.wrong(at(key), value, 'a text', true)
}

/** A secret that has to be there. */
export function requiredSecret(
  tree: Tree,
  place: string,
  key: string,
  expected: string,
  check: Check,
): string | undefined {
  const given = [tree[key], tree[`${key}File`]].some((value) => value !== undefined && value !== null)
  if (given) return secret(tree, place, key, check)
  check.problem(`${place}.${key}`, `missing; expected ${expected}.`)
  return undefined
}
