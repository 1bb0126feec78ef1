/**
 * Flink SQL as text, built like generated code (`codegen/emitter`): what a user wrote gets into it only as an escaped
 * literal or a quoted name, and templates take pieces that this file made.
 */
import { createHash } from 'node:crypto'
import { Refusal } from './refusal.ts'

/** Expressions that stand in SELECTs below, by the names that they have above. */
type Lets = ReadonlyMap<string, FlinkSql>

const NONE: Lets = new Map()

/**
 * Limit `flink.statement.max.length` (characters): one statement for Flink, whose planner takes long over more. Beyond it:
 * the statement is not handed over. It holds for each piece on the way, as rows that are read twice double their text.
 */
export const MAX_STATEMENT = 1_000_000

/** A piece of Flink SQL. Only this file makes one. */
export class FlinkSql {
  readonly text: string
  /** What has to be computed below for it (`staged`). */
  readonly lets: Lets
  /** How many SELECTs one above the other it needs. */
  readonly depth: number
  /** Characters of an expression where every column of SELECTs below is written out (`filtered`). */
  readonly weight: number
  /** @internal */
  constructor(text: string, lets: Lets = NONE, depth = 0, weight = text.length) {
    if (text.length > MAX_STATEMENT)
      throw new Refusal(`It is longer than ${MAX_STATEMENT} characters in Flink SQL (flink.statement.max.length).`)
    this.text = text
    this.lets = lets
    this.depth = depth
    this.weight = weight
  }
}

function deepest(pieces: readonly FlinkSql[]): number {
  return pieces.reduce((most, { depth }) => Math.max(most, depth), 0)
}

/** A text that is longer than that of its pieces. */
function weightOf(written: string, pieces: readonly FlinkSql[]): number {
  return pieces.reduce((sum, piece) => sum + piece.weight - piece.text.length, written.length)
}

function together(pieces: readonly FlinkSql[]): Lets {
  const some = pieces.filter(({ lets }) => lets.size > 0)
  if (some.length <= 1) return some[0]?.lets ?? NONE
  return new Map(some.flatMap(({ lets }) => [...lets]))
}

/** Can be written several times without being computed several times. */
const SIMPLE = /^(`\w+`(\.`\w+`)?|'[^']*'|-?\d+|CAST\([^()]*\))$/

/**
 * The value of an expression, for several places: it is computed once, in a SELECT below the one where it is used. Without
 * that, text and work would double with each level of nesting.
 */
export function once(piece: FlinkSql): FlinkSql {
  if (SIMPLE.test(piece.text)) return piece
  const named = `e_${createHash('sha256').update(piece.text).digest('hex').slice(0, 16)}`
  return new FlinkSql(`\`${named}\``, new Map([...piece.lets, [named, piece]]), piece.depth + 1, piece.weight)
}

/**
 * Flink's planner writes a column of a SELECT into every place of the SELECT above that names it, at each level once more,
 * unless its value might differ from one evaluation to the next.
 */
const BARRIER = 'CASE WHEN RAND_INTEGER(1) = 0 THEN '

/** An expression that the planner does not copy. */
export function barrier(piece: FlinkSql): FlinkSql {
  return SIMPLE.test(piece.text) ? piece : opaque(piece)
}

/** A piece of which the planner does not see what it is, whatever it is. */
export function opaque(piece: FlinkSql): FlinkSql {
  return new FlinkSql(`${BARRIER}${piece.text} END`, piece.lets, piece.depth, piece.weight)
}

/**
 * A comparison by order; NULL where `known` is not true. Since Flink 2.0 the planner turns a comparison around that a
 * condition says twice, each time that it looks (`a < b`, `b > a`), and where two of them stand beside an AND or OR it
 * takes the outcome for a new condition and looks again, for ever. Of those inside of `IF`, each alone, it sees that they
 * are still the same; and it does not take them apart, as it does with `CASE` where a condition filters.
 */
export function ordering(x: FlinkSql, op: '<' | '<=' | '>' | '>=', y: FlinkSql, known = sql`TRUE`): FlinkSql {
  const written = { '<': sql`${x} < ${y}`, '<=': sql`${x} <= ${y}`, '>': sql`${x} > ${y}`, '>=': sql`${x} >= ${y}` }
  return sql`IF(${known}, ${written[op]}, CAST(NULL AS BOOLEAN))`
}

/** Whether a value is within bounds, which belong to them. */
export function between(x: FlinkSql, least: FlinkSql, most: FlinkSql): FlinkSql {
  return sql`(${ordering(x, '>=', least)} AND ${ordering(x, '<=', most)})`
}

/** Whether two pieces stand for values of the two sides of a join. */
export function ofDifferentRows(x: FlinkSql, y: FlinkSql): boolean {
  const [one, other] = [sideOfPiece(x), sideOfPiece(y)]
  return one !== undefined && other !== undefined && one !== other
}

/**
 * The rows of a SELECT, called `alias`, with what the pieces need as further columns. `kept`: names of the columns that
 * are wanted besides those that the pieces name, and no others; without it all of them. Each column that goes through a
 * SELECT is code of the operator that Flink makes of it.
 */
export function staged(rows: FlinkSql, pieces: readonly FlinkSql[], alias = 'q', kept?: FlinkSql): FlinkSql {
  const levels: [string, FlinkSql][][] = []
  for (const [named, piece] of together(pieces)) (levels[piece.depth] ??= []).push([named, piece])
  const wanted = kept === undefined ? undefined : wantedOf(levels, [...pieces, kept])
  return levels.reduce((below, level, i) => {
    const made = wanted === undefined ? level : level.filter(([named]) => wanted[i].has(named))
    if (made.length === 0) return below
    const own = new Set(made.map(([named]) => named))
    const through =
      wanted === undefined ? [`\`${alias}\`.*`] : [...wanted[i]].filter((each) => !own.has(each)).map(quoted)
    const columns = made.map(([named, { text: written }]) => `${BARRIER}${written} END AS ${quoted(named)}`)
    return new FlinkSql(`SELECT ${[...through, ...columns].join(', ')} FROM (${below.text}) AS \`${alias}\``)
  }, rows)
}

function quoted(column: string): string {
  return `\`${column}\``
}

/** For each level the columns that are wanted above it. */
function wantedOf(levels: readonly (readonly [string, FlinkSql][])[], above: readonly FlinkSql[]): Set<string>[] {
  const wanted: Set<string>[] = []
  let names = new Set(above.flatMap(namesIn))
  for (let i = levels.length - 1; i >= 0; i--) {
    wanted[i] = names
    const made = (levels[i] ?? []).filter(([named]) => names.has(named))
    names = new Set(names)
    for (const [named] of made) names.delete(named)
    for (const each of made.flatMap(([, piece]) => namesIn(piece))) names.add(each)
  }
  return wanted
}

/** Texts (one with a quote in it is two), and quoted names: those behind AS name what is made, those before a point rows. */
const TEXT_OR_NAME = /'[^']*'|(\bAS )?`([^`]+)`(\.)?/g

/** The columns that a piece names. */
function namesIn({ text: written }: FlinkSql): string[] {
  return [...written.matchAll(TEXT_OR_NAME)].flatMap(([, as, column, point]) =>
    column === undefined || as !== undefined || point !== undefined ? [] : [column],
  )
}

/** A number is written as it is: whole numbers only. */
type Piece = FlinkSql | number | bigint

/** The template for statements and expressions. */
export function sql(strings: TemplateStringsArray, ...pieces: readonly Piece[]): FlinkSql {
  let out = strings[0]
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i]
    out += piece instanceof FlinkSql ? piece.text : BigInt(piece).toString()
    out += strings[i + 1]
  }
  const parts = pieces.filter((piece) => piece instanceof FlinkSql)
  return new FlinkSql(out, together(parts), deepest(parts), weightOf(out, parts))
}

/** Pieces with something between them. */
export function list(
  pieces: readonly FlinkSql[],
  between: ', ' | ' AND ' | ' OR ' | ' UNION ALL ' | ' ' | ' + ' | '.' | ',\n  ',
) {
  const out = pieces.map(({ text: written }) => written).join(between)
  return new FlinkSql(out, together(pieces), deepest(pieces), weightOf(out, pieces))
}

/** Printable ASCII, which is written as it is. */
const PLAIN = /^[ -~]*$/

/** A text literal. */
export function text(value: string): FlinkSql {
  if (!value.isWellFormed()) throw new Refusal('A text with half of a surrogate pair cannot be written in Flink SQL.')
  const quoted = value.replaceAll("'", "''")
  if (PLAIN.test(value)) return new FlinkSql(`'${quoted}'`)
  const escaped = quoted.replace(/\\|[^ -~]/g, (c) =>
    c === '\\'
      ? '\\\\'
      : [...c]
          .flatMap((unit) => unit.split(''))
          .map(unicode)
          .join(''),
  )
  return new FlinkSql(`U&'${escaped}'`)
}

function unicode(unit: string): string {
  return `\\${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A quoted name. */
export function name(value: string): FlinkSql {
  return new FlinkSql(`\`${value.replaceAll('`', '``')}\``)
}

/** A column of a SELECT below, in which it is the expression. */
export function standingFor(called: FlinkSql, { weight }: FlinkSql): FlinkSql {
  return new FlinkSql(called.text, NONE, 0, weight)
}

/** A double literal, exactly that one. Not for NaN and the infinities, which no literal says. */
export function double(value: number): FlinkSql {
  if (!Number.isFinite(value)) throw new Refusal('NaN and infinite numbers cannot be written in Flink SQL.')
  // A literal of the planner is a decimal, whose zero has no sign.
  if (Object.is(value, -0)) return new FlinkSql('(-CAST(RAND_INTEGER(1) AS DOUBLE))')
  return new FlinkSql(`CAST('${String(value)}' AS DOUBLE)`)
}

/** A decimal literal: digits with a sign and a point. */
export function digits(value: string): FlinkSql {
  if (!/^-?\d+(\.\d+)?$/.test(value)) throw new Refusal(`The number ${value} cannot be written in Flink SQL.`)
  return new FlinkSql(value.startsWith('-') ? `(${value})` : value)
}

/** What of a condition's needs is computed over the rows of one side of a join. Needs of both sides are a Refusal. */
export function sideOf(condition: FlinkSql, alias: 'a' | 'b'): FlinkSql {
  const own = new Map<string, FlinkSql>()
  for (const [named, piece] of condition.lets) {
    const side = sideOfPiece(piece)
    if (side === undefined)
      throw new Refusal('A join with a computed condition over both sides is not handed over to Flink.')
    if (side === alias) own.set(named, piece)
  }
  const called = namesIn(condition).filter((named) => own.has(named))
  return new FlinkSql(called.map(quoted).join(', '), own)
}

function sideOfPiece(piece: FlinkSql): 'a' | 'b' | undefined {
  const sides = new Set<string>()
  for (const { text: written } of [piece, ...piece.lets.values()])
    for (const [, side] of written.matchAll(/`([ab])`\./g)) sides.add(side)
  const [side] = sides
  return sides.size === 1 && (side === 'a' || side === 'b') ? side : undefined
}

/** A SELECT whose needs are met: they are part of it. */
export function plainSql({ text: written }: FlinkSql): FlinkSql {
  return new FlinkSql(written)
}
