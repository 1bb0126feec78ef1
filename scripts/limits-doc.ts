/**
 * Writes `docs/limits.md`: the settings of a query, the limits of the server, and every limit that is a constant in
 * `src`. Such a constant says so in its doc comment, which this script reads:
 *
 *     Limit `name` (unit): what it bounds. Beyond it: what happens. Why, or more.
 *
 * Run `node scripts/limits-doc.ts`. Tests compare the page with what this would write, and check that no constant that
 * is called a limit is left out.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { SETTINGS, type SettingName, shownValue } from '../src/plan/settings.ts'
import { LIMITS } from '../src/server/limits.ts'

const ROOT = join(import.meta.dirname, '..')
export const PAGE = join(ROOT, 'docs', 'limits.md')

/** A limit that is a constant. */
export interface ConstantLimit {
  /** As in its error, or in the comments that speak of it: `sql.max.tokens`. */
  readonly name: string
  /** `bytes`, `ms`, `levels`, …: what is counted. */
  readonly unit: string
  readonly value: number
  readonly bounds: string
  readonly beyond: string
  /** Path from the root of the project. */
  readonly file: string
}

/** A constant whose name says that it is a limit, and whose comment neither describes one nor says why it is none. */
export interface Undescribed {
  readonly file: string
  readonly name: string
}

const NAMED_LIMIT = /(^|_)(MAX|MOST|LIMITS?|LARGEST|LONGEST|DEEPEST)(_|$)/
const DESCRIPTION = /^Limit `([a-z]+(?:\.[a-z]+)+)` \(([a-z]+)\): (.+?\.) Beyond it: (.+?[.)])(?= [A-Z(]|$)/
const NOT_A_LIMIT = /(^|\. )Not a limit: \S/

/** All constants of `src` that are limits, in the order of the files, and those that fail to say what they are. */
export function constantLimits(): { limits: readonly ConstantLimit[]; undescribed: readonly Undescribed[] } {
  const limits: ConstantLimit[] = []
  const undescribed: Undescribed[] = []
  for (const file of globSync('src/**/*.ts', { cwd: ROOT }).sort()) {
    const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest, true)
    /** `holder` has the comment, `value` is what the constant is set to. */
    const take = (name: string, holder: ts.Node, value: ts.Expression): void => {
      const comment = commentOf(holder)
      const match = DESCRIPTION.exec(comment)
      const number = match === null ? undefined : computed(value, source)
      if (match !== null && number !== undefined)
        limits.push({ name: match[1], unit: match[2], value: number, bounds: match[3], beyond: match[4], file })
      else if (comment.startsWith('Limit `') || !NOT_A_LIMIT.test(comment)) undescribed.push({ file, name })
    }
    for (const statement of source.statements) {
      if (!ts.isVariableStatement(statement)) continue
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (initializer === undefined || !ts.isIdentifier(name)) continue
        const called = NAMED_LIMIT.test(name.text)
        if (ts.isObjectLiteralExpression(initializer) && name.text.endsWith('_LIMITS'))
          for (const p of initializer.properties)
            if (ts.isPropertyAssignment(p)) take(`${name.text}.${p.name.getText()}`, p, p.initializer)
            else undescribed.push({ file, name: `${name.text}.${p.getText()}` })
        else if ((called && isNumeric(initializer)) || commentOf(statement).startsWith('Limit `'))
          take(name.text, statement, initializer)
      }
    }
  }
  return { limits, undescribed }
}

/** The text of a doc comment in one line; empty where there is none. */
function commentOf(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node).slice(-1)
  return (ts.getTextOfJSDocComment(doc?.comment as string | undefined) ?? '').replace(/\s+/g, ' ').trim()
}

/** A number, or computed from numbers and other constants. */
function isNumeric(e: ts.Expression): boolean {
  if (ts.isNumericLiteral(e) || ts.isBigIntLiteral(e)) return true
  if (ts.isPrefixUnaryExpression(e) || ts.isParenthesizedExpression(e))
    return isNumeric(ts.isParenthesizedExpression(e) ? e.expression : e.operand)
  if (ts.isBinaryExpression(e)) return isNumeric(e.left) || isNumeric(e.right)
  return ts.isPropertyAccessExpression(e) && e.expression.getText() === 'Number'
}

/** The value of a constant; undefined for what this script cannot compute. */
function computed(e: ts.Expression, source: ts.SourceFile): number | undefined {
  if (ts.isNumericLiteral(e)) return Number(e.text.replaceAll('_', ''))
  if (ts.isParenthesizedExpression(e)) return computed(e.expression, source)
  if (ts.isIdentifier(e)) {
    for (const statement of source.statements)
      if (ts.isVariableStatement(statement))
        for (const d of statement.declarationList.declarations)
          if (d.name.getText() === e.text && d.initializer !== undefined) return computed(d.initializer, source)
    return undefined
  }
  if (!ts.isBinaryExpression(e)) return undefined
  const [a, b] = [computed(e.left, source), computed(e.right, source)]
  if (a === undefined || b === undefined) return undefined
  switch (e.operatorToken.kind) {
    case ts.SyntaxKind.AsteriskToken:
      return a * b
    case ts.SyntaxKind.MinusToken:
      return a - b
    case ts.SyntaxKind.LessThanLessThanToken:
      return a << b
    default:
      return undefined
  }
}

/** What happens beyond a setting that is a limit; the other settings are on the page of the dialect only. */
const BEYOND_SETTING = {
  'max.size': 'the reading ends; the rows so far and a SENTINEL are sent.',
  'max.query.time': 'the reading ends; the rows so far and a SENTINEL are sent.',
  'max.idle.time': 'the reading ends; the rows so far and a SENTINEL are sent.',
  'max.group.records': 'an error: half of an aggregation is no answer.',
  'max.group.bytes': 'an error.',
  'max.collect.bytes': 'an error.',
  'max.join.bytes': 'an error.',
  'max.sort.bytes': 'an error.',
  'max.sources': 'an error.',
  'max.pattern.topics': 'an error.',
  'kafka.offset.timeout': 'an error.',
  'fetch.max.bytes': 'the broker splits its answer; one batch always comes whole.',
} as const satisfies Partial<Record<SettingName, string>>

/** Folder of `src` → its heading; in the order of the page. */
const ROOMS: Readonly<Record<string, string>> = {
  sql: 'Texts of SQL',
  plan: 'Plans of statements',
  engine: 'Running a statement',
  export: 'Exports',
  functions: 'Functions',
  lib: 'Functions: numbers',
  formats: 'Records and schemas',
  catalog: 'Tables and their formats',
  registry: 'Schema registries',
  kafka: 'Kafka',
  flink: 'Apache Flink',
  server: 'REST, JDBC and logins',
  sandbox: "The demo's broker and registry",
  studio: 'The page',
}

const code = (text: string) => `\`${text}\``
const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

function shown(value: number, unit: string): string {
  if (unit !== 'bytes' && unit !== 'ms') return value.toLocaleString('en')
  const steps =
    unit === 'ms'
      ? ([
          [3_600_000, 'h'],
          [60_000, 'min'],
          [1000, 's'],
        ] as const)
      : ([
          [1 << 30, 'GiB'],
          [1 << 20, 'MiB'],
          [1 << 10, 'KiB'],
        ] as const)
  for (const [size, name] of steps) if (value >= size && value % size === 0) return `${value / size} ${name}`
  return `${value.toLocaleString('en')} ${unit}`
}

/** The page as it should be. */
export function limitsPage(): string {
  const { limits } = constantLimits()
  const nowhere = limits.filter(({ file }) => !Object.hasOwn(ROOMS, file.split('/')[1]))
  if (nowhere.length > 0)
    throw new Error(`ROOMS has no heading for the limits of ${nowhere.map(({ file }) => file).join(', ')}.`)
  const settings = Object.entries(BEYOND_SETTING).map(([name, beyond]) => {
    const setting = SETTINGS[name as keyof typeof BEYOND_SETTING]
    const [most, standard] = [shownValue(setting.max, setting.unit), shownValue(setting.fallback, setting.unit)]
    return `| ${code(name)} | ${standard} | ${most} | ${sentence(setting.meaning)} | ${sentence(beyond)} |`
  })
  const server = Object.entries(LIMITS).map(([name, limit]) => {
    const unit = limit.unit === 'count' ? '' : limit.unit
    const most = 'max' in limit ? shown(limit.max, unit) : ''
    return `| ${code(name)} | ${shown(limit.default, unit)} | ${most} | ${limit.about} |`
  })
  const rooms = Object.entries(ROOMS).flatMap(([folder, heading]) => {
    const rows = limits.filter(({ file }) => file.startsWith(`src/${folder}/`))
    const line = (l: ConstantLimit) =>
      `| ${code(l.name)} | ${shown(l.value, l.unit)} | ${l.unit} | ${sentence(l.bounds)} | ${sentence(l.beyond)} |`
    return rows.length === 0
      ? []
      : [
          '',
          `### ${heading}`,
          '',
          '| name | value | unit | what it bounds | beyond it |',
          '|---|---|---|---|---|',
          ...rows.map(line),
        ]
  })
  return `${[
    '# Limits',
    '',
    '<!-- Written by scripts/limits-doc.ts from src. Change the settings, limits and constants, then run it. -->',
    '',
    'Everything that can grow has a limit with a name. There are three kinds, and each is declared in one way:',
    '',
    '- **Of a query**: a setting, which SET changes for one request up to its ceiling (`src/plan/settings.ts`). Its defaults can be set in the [configuration](configuration.md).',
    '- **Of the server**: configured under `limits:` (`src/server/limits.ts`).',
    '- **Fixed**: a constant beside the code that it bounds. Its doc comment has the name, the unit, what is bounded and what happens beyond it.',
    '',
    'A record that is *bad* is left out, counted, and reported in a BADRECORD frame, or ends the query: see `skip.bad.records` in [SQL](sql.md).',
    '',
    '## Of a query',
    '',
    '| name | default | ceiling | what it bounds | beyond it |',
    '|---|---|---|---|---|',
    ...settings,
    '',
    'All settings, those that are no limits among them, are on the page of the [dialect](sql.md).',
    '',
    '## Of the server',
    '',
    '| name | default | ceiling | what it bounds, and what happens beyond it |',
    '|---|---|---|---|',
    ...server,
    '',
    '## Fixed',
    ...rooms,
  ].join('\n')}\n`
}

if (import.meta.main) writeFileSync(PAGE, limitsPage())
