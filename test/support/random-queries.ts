/**
 * Random queries over random tables: SELECT with joins, groups, derived tables, WITH, set operations and subqueries, as
 * syntax trees. Results have a known order only where
 * `ordered` says so. What the queries mean is not known here: src/sql/print.ts writes them for Sluice, oracle.ts for
 * DuckDB.
 */
import { parts } from '../../src/plan/bind/walk.ts'
import type { Expr, From, OrderItem, Query, QueryBody, Select, SelectItem } from '../../src/sql/ast.ts'
import {
  binary,
  call,
  cast,
  column,
  Expressions,
  LISTED,
  nameOf,
  type Sight,
  typed,
  typeOf,
} from './random-expressions.ts'
import type { Random, RandomTable, Ty } from './random-tables.ts'

const NOWHERE = { start: 0, end: 0 }

export interface RandomQuery {
  readonly query: Query
}

/** A source of rows in FROM. `columns` are paths below the alias. */
interface Relation {
  readonly alias: string
  readonly columns: readonly {
    readonly path: readonly string[]
    readonly type: Ty
    readonly to?: 'timestamp' | 'date'
  }[]
  /** An upper estimate, to keep products small. */
  readonly rows: number
}

interface Made {
  readonly query: Query
  readonly types: readonly Ty[]
  readonly rows: number
}

interface Wish {
  /** Types of the columns; any when absent. */
  readonly types?: readonly Ty[]
  readonly depth: number
  /** Columns of the query around it, by which it may be tied to it. */
  readonly outer?: readonly Relation[]
  /** Named queries in sight. */
  readonly named: readonly Relation[]
}

/** A random query over the tables. */
export function randomQuery(tables: readonly RandomTable[], random: Random): RandomQuery {
  return { query: new Queries(tables, random).query({ depth: 2, named: [] }).query }
}

/** A random condition over one table whose alias is `t`, for the ways to divide its rows; and the FROM it stands on. */
export function randomCondition(
  tables: readonly RandomTable[],
  random: Random,
): { readonly from: From; readonly where: Expr } {
  return new Queries(tables, random).divided()
}

class Queries {
  readonly #tables: readonly RandomTable[]
  readonly #random: Random
  #names = 0
  constructor(tables: readonly RandomTable[], random: Random) {
    this.#tables = tables
    this.#random = random
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  divided(): { from: From; where: Expr } {
    const { from, relation } = this.#table()
    const sight = this.#sight([relation], { depth: 1, named: [] })
    return { from, where: new Expressions(this.#random, sight).condition(3) }
  }

  // ------------------------------------------------------------------------------------------ queries

  query(wish: Wish): Made {
    const random = this.#random
    const withs: { name: ReturnType<typeof nameOf>; query: Query }[] = []
    const named = [...wish.named]
    while (wish.outer === undefined && wish.depth > 0 && random.chance(0.12)) {
      const made = this.query({ depth: wish.depth - 1, named })
      const name = this.#name('w')
      withs.push({ name: nameOf(name), query: made.query })
      named.push({ alias: name, columns: outputs(made), rows: made.rows })
    }
    const within = { ...wish, named }
    const { body, types, rows, expressions } =
      wish.outer === undefined && wish.depth > 0 && random.chance(0.15)
        ? this.#setOperation(within)
        : this.#select(within)
    const ordered = random.chance(wish.depth === 2 ? 0.4 : 0.15)
    const orderBy = ordered ? this.#orderBy(body, expressions) : []
    const limited = random.chance(ordered ? 0.5 : wish.depth === 2 ? 0.08 : 0)
    const limit = limited
      ? {
          skip: random.chance(0.3) ? random.int(0, 5) : 0,
          count: random.chance(0.9) ? random.int(random.chance(0.1) ? 0 : 1, 12) : undefined,
          span: NOWHERE,
        }
      : undefined
    return {
      query: {
        kind: 'query',
        with: withs,
        body,
        orderBy,
        limit: limit?.skip === 0 && limit.count === undefined ? undefined : limit,
        span: NOWHERE,
      },
      types,
      rows,
    }
  }

  /** All columns, so that equal places are taken by equal rows; perhaps an expression before them. */
  #orderBy(body: QueryBody, expressions: Expressions | undefined): OrderItem[] {
    const random = this.#random
    const names = columnNames(body)
    const item = (expr: Expr): OrderItem => ({
      expr,
      descending: random.chance(0.4),
      nulls: random.chance(0.5) ? random.pick(['first', 'last'] as const) : undefined,
      span: NOWHERE,
    })
    const all = random.shuffled(names).map(({ name, type }) => item(column([name], type)))
    const first = expressions !== undefined && random.chance(0.25) ? expressions.of(random.pick(LISTED), 1) : undefined
    // A number would be the place of a column.
    return first !== undefined && contains(first, (e) => e.kind === 'column') ? [item(first), ...all] : all
  }

  #setOperation(wish: Wish): { body: QueryBody; types: readonly Ty[]; rows: number; expressions: undefined } {
    const random = this.#random
    const types = wish.types ?? Array.from({ length: random.int(1, 3) }, () => random.pick(LISTED))
    let body: QueryBody = this.#select({ ...wish, types, depth: wish.depth - 1 }).body
    let rows = 60
    for (let n = random.int(1, 2); n > 0; n--) {
      const right: QueryBody = random.chance(0.1)
        ? this.query({ ...wish, types, depth: wish.depth - 1 }).query
        : this.#select({ ...wish, types, depth: wish.depth - 1 }).body
      const made = {
        kind: 'setOperation',
        op: random.pick(['union', 'except', 'intersect'] as const),
        all: random.chance(0.4),
        span: NOWHERE,
      } as const
      body = random.chance(0.7) ? { ...made, left: body, right } : { ...made, left: right, right: body }
      rows += 60
    }
    return { body, types, rows, expressions: undefined }
  }

  // ------------------------------------------------------------------------------------------ SELECT

  #select(wish: Wish): { body: Select; types: readonly Ty[]; rows: number; expressions: Expressions | undefined } {
    const random = this.#random
    const { from, relations } = this.#from(wish)
    const sight = this.#sight(relations, wish)
    const over = new Expressions(random, sight)
    const conditions = [
      ...(random.chance(0.5) ? [over.condition(random.int(0, 2))] : []),
      ...(wish.outer === undefined || random.chance(0.15) ? [] : this.#ties(relations, wish.outer)),
    ]
    const where = conditions.length === 0 ? undefined : conditions.reduce((x, y) => binary('and', x, y, 'boolean'))
    const types = wish.types ?? Array.from({ length: random.int(1, 4) }, () => random.pick(LISTED))
    const rows = relations.reduce((n, r) => n * Math.max(1, r.rows), 1)
    const base = { kind: 'select', from, where, span: NOWHERE } as const
    if (random.chance(0.3))
      return {
        ...this.#grouped(base, types, this.#sight(relations, { ...wish, depth: 0 })),
        types,
        rows,
        expressions: undefined,
      }
    const items = types.map((type) => this.#item(over.of(type, random.int(0, 3))))
    const distinct = random.chance(0.2)
    return {
      body: { ...base, distinct, items, groupBy: [], having: undefined },
      types,
      rows,
      expressions: distinct ? undefined : over,
    }
  }

  #item(expr: Expr): SelectItem {
    return { kind: 'expr', expr, alias: [nameOf(this.#name('c'))], span: NOWHERE }
  }

  #grouped(
    base: Pick<Select, 'kind' | 'from' | 'where' | 'span'>,
    types: readonly Ty[],
    sight: Sight,
  ): { body: Select } {
    const random = this.#random
    const over = new Expressions(random, sight)
    const keys = Array.from({ length: random.int(0, 3) }, () => this.#key(over, sight)).filter((k) => k !== undefined)
    const groups: Sight = {
      leaf: (type) => {
        const own = keys.filter((k) => typeOf(k) === type)
        return own.length > 0 && random.chance(0.6) ? random.pick(own) : this.#aggregate(type, over)
      },
    }
    const above = new Expressions(random, groups)
    // A key that is NULL as a literal or a plain constant is none of a group: columns only, so that no number is taken
    // for a place.
    const items = types.map((type) => this.#item(above.of(type, random.int(0, 2))))
    const having = random.chance(0.2) ? above.condition(1) : undefined
    const aggregated = items.some((i) => i.kind === 'expr' && contains(i.expr, isAggregate))
    // Without a key, an aggregate makes it one group.
    const all =
      keys.length > 0 || aggregated || having !== undefined
        ? items
        : [...items.slice(0, -1), this.#item(this.#aggregate(types[types.length - 1], over) ?? above.leaf('small'))]
    const groupBy = keys.map((key) => this.#spelled(key, all))
    return { body: { ...base, distinct: random.chance(0.08), items: all, groupBy, having } }
  }

  /** A key may be written as the alias or the place of a column that is nothing else. */
  #spelled(key: Expr, items: readonly SelectItem[]): Expr {
    const at = items.findIndex((i) => i.kind === 'expr' && i.expr === key)
    const item = items[at]
    if (item?.kind !== 'expr' || item.alias === undefined || this.#random.chance(0.6)) return key
    return column([item.alias[0].text], typeOf(key) ?? 'small')
  }

  #key(over: Expressions, sight: Sight): Expr | undefined {
    const random = this.#random
    const type = random.pick(['small', 'string', 'boolean', 'long', 'double', 'date', 'timestamp', 'decimal'] as const)
    const key = random.chance(0.6) ? sight.leaf(type) : over.of(type, 1)
    return key !== undefined && contains(key, (e) => e.kind === 'column') && !contains(key, isQuery)
      ? key
      : sight.leaf(type)
  }

  #aggregate(type: Ty, over: Expressions): Expr | undefined {
    const random = this.#random
    const more = { distinct: random.chance(0.12), filter: random.chance(0.15) ? over.condition(1) : undefined }
    const extreme = (): Expr => call(random.pick(['MIN', 'MAX', 'min', 'Max']), [over.of(type, 1)], type, more)
    const roll = random.next()
    switch (type) {
      case 'small':
        if (roll < 0.25) return call('COUNT', [], type, { star: true, filter: more.filter })
        return roll < 0.6
          ? call(random.pick(['COUNT', 'count']), [over.of(random.pick(LISTED), 1)], type, more)
          : extreme()
      case 'long':
        return roll < 0.6 ? call('SUM', [over.of(random.pick(['small', 'long'] as const), 1)], type, more) : extreme()
      case 'double':
        if (roll < 0.35) return call('SUM', [over.leaf(type)], type, more)
        return roll < 0.65 ? call('AVG', [over.leaf(random.pick(['small', 'double'] as const))], type, more) : extreme()
      case 'decimal':
        return roll < 0.5 ? call('SUM', [over.leaf(type)], type, more) : extreme()
      default:
        return extreme()
    }
  }

  // ------------------------------------------------------------------------------------------ FROM

  #from(wish: Wish): { from: From; relations: Relation[] } {
    const random = this.#random
    const first = this.#source(wish)
    let from = first.from
    const relations = [first.relation]
    let rows = first.relation.rows
    for (let n = random.chance(0.3) ? random.int(1, 2) : 0; n > 0; n--) {
      const next = this.#source(wish)
      if (rows * next.relation.rows > 4000) break
      rows *= Math.max(1, next.relation.rows)
      const type = random.pick(['inner', 'inner', 'left', 'left', 'right', 'full', 'cross'] as const)
      const on = type === 'cross' ? undefined : this.#on(relations, next.relation)
      from = { kind: 'join', type, left: from, right: next.from, on, span: NOWHERE }
      relations.push(next.relation)
    }
    return { from, relations }
  }

  #on(left: readonly Relation[], right: Relation): Expr {
    const random = this.#random
    const terms = random.chance(0.9) ? this.#ties([right], left) : []
    const both = new Expressions(random, this.#sight([...left, right], { depth: 0, named: [] }))
    if (terms.length === 0 || random.chance(0.3)) terms.push(both.condition(1))
    return terms.reduce((x, y) => binary(random.chance(0.95) ? 'and' : 'or', x, y, 'boolean'))
  }

  /** One or two equalities between columns of both sides. */
  #ties(here: readonly Relation[], there: readonly Relation[]): Expr[] {
    const random = this.#random
    const [a, b] = [this.#sight(here, undefined), this.#sight(there, undefined)]
    return Array.from({ length: random.chance(0.25) ? 2 : 1 }, () => {
      const type = random.pick(['small', 'small', 'string', 'long', 'boolean', 'date', 'double'] as const)
      const [x, y] = [a.leaf(type), b.leaf(type)]
      if (x === undefined || y === undefined) return undefined
      const left =
        type === 'small' && random.chance(0.2) ? binary('+', x, y === undefined ? x : literalOne(), 'small') : x
      return random.chance(0.5) ? binary('=', left, y, 'boolean') : binary('=', y, left, 'boolean')
    }).filter((e) => e !== undefined)
  }

  #table(): { from: From; relation: Relation } {
    const table = this.#random.pick(this.#tables)
    const alias = this.#name('t')
    const meta = [
      { path: ['_meta', 'offset'], type: 'small' },
      { path: ['_meta', 'partition'], type: 'small' },
      { path: ['_meta', 'timestamp'], type: 'timestamp' },
      { path: ['_key'], type: 'string' },
    ] as const
    const columns = table.columns.map(({ name, type }) => ({
      path: name.split('.'),
      type,
      to: table.format === 'JSON' && (type === 'timestamp' || type === 'date') ? type : undefined,
    }))
    const from: From = { kind: 'table', name: nameOf(table.name), alias: nameOf(alias), span: NOWHERE }
    return { from, relation: { alias, columns: [...columns, ...meta], rows: table.rows.length } }
  }

  #source(wish: Wish): { from: From; relation: Relation } {
    const random = this.#random
    if (wish.named.length > 0 && random.chance(0.6)) {
      const of = random.pick(wish.named)
      const alias = this.#name('t')
      return {
        from: { kind: 'table', name: nameOf(of.alias), alias: nameOf(alias), span: NOWHERE },
        relation: { ...of, alias },
      }
    }
    if (wish.depth > 0 && random.chance(0.15)) {
      const made = this.query({ depth: wish.depth - 1, named: wish.named })
      const alias = this.#name('t')
      return {
        from: { kind: 'derived', query: made.query, alias: nameOf(alias), span: NOWHERE },
        relation: { alias, columns: outputs(made), rows: made.rows },
      }
    }
    return this.#table()
  }

  // ------------------------------------------------------------------------------------------ what is in sight

  /** Columns of the relations; with a wish, also queries inside of expressions. */
  #sight(relations: readonly Relation[], wish: Wish | undefined): Sight {
    const random = this.#random
    const leaf = (type: Ty): Expr | undefined => {
      const found = relations.flatMap((r) =>
        r.columns.filter((c) => c.type === type).map((c) => ({ alias: r.alias, ...c })),
      )
      if (found.length === 0) return undefined
      const { alias, path, to } = random.pick(found)
      const plain = column([alias, ...path], type)
      return to === undefined ? plain : cast(plain, to, type)
    }
    if (wish === undefined || wish.depth <= 0 || wish.outer !== undefined) return { leaf }
    const inner = (types: readonly Ty[] | undefined): Made =>
      this.query({ types, depth: wish.depth - 1, named: wish.named, outer: random.chance(0.5) ? relations : undefined })
    return {
      leaf,
      condition: () => {
        if (random.chance(0.5))
          return typed({ kind: 'exists', query: inner(undefined).query, span: NOWHERE }, 'boolean')
        const type = random.pick(['small', 'string', 'long', 'double'] as const)
        const operand = leaf(type)
        if (operand === undefined) return undefined
        return typed(
          { kind: 'in', operand, query: inner([type]).query, negated: random.chance(0.4), span: NOWHERE },
          'boolean',
        )
      },
      scalar: (type) => this.#scalar(type, relations, wish),
    }
  }

  /** An aggregate without GROUP BY has one row. */
  #scalar(type: Ty, relations: readonly Relation[], wish: Wish): Expr | undefined {
    const random = this.#random
    const { from, relation } = this.#table()
    const over = new Expressions(random, this.#sight([relation], undefined))
    const aggregate = this.#aggregate(type, over)
    if (aggregate === undefined || wish.depth <= 0) return undefined
    const terms = [
      ...(random.chance(0.4) ? this.#ties([relation], relations) : []),
      ...(random.chance(0.4) ? [over.condition(1)] : []),
    ]
    const where = terms.length === 0 ? undefined : terms.reduce((x, y) => binary('and', x, y, 'boolean'))
    const first = random.chance(0.25)
    const item = this.#item(first ? over.of(type, 1) : aggregate)
    const body: Select = {
      kind: 'select',
      distinct: false,
      items: [item],
      from,
      where,
      groupBy: [],
      having: undefined,
      span: NOWHERE,
    }
    const orderBy = first ? this.#orderBy(body, undefined) : []
    const limit = first ? { skip: 0, count: 1, span: NOWHERE } : undefined
    return typed(
      { kind: 'subquery', query: { kind: 'query', with: [], body, orderBy, limit, span: NOWHERE }, span: NOWHERE },
      type,
    )
  }
}

function literalOne(): Expr {
  return typed({ kind: 'number', text: '1', span: NOWHERE }, 'small')
}

/** Names and types of what a body gives: those of its first SELECT. */
export function columnNames(body: QueryBody): { readonly name: string; readonly type: Ty }[] {
  if (body.kind === 'query') return columnNames(body.body)
  if (body.kind === 'setOperation') return columnNames(body.left)
  return body.items.map((i) => {
    if (i.kind !== 'expr' || i.alias === undefined) throw new Error('every column of a random query has a name')
    return { name: i.alias[0].text, type: typeOf(i.expr) ?? 'small' }
  })
}

function outputs(made: Made): Relation['columns'] {
  return columnNames(made.query.body).map(({ name }, i) => ({ path: [name], type: made.types[i] }))
}

function isAggregate(e: Expr): boolean {
  return e.kind === 'call' && ['COUNT', 'SUM', 'AVG', 'MIN', 'MAX'].includes(e.name.text.toUpperCase())
}
function isQuery(e: Expr): boolean {
  return e.kind === 'subquery' || e.kind === 'exists' || (e.kind === 'in' && e.query !== undefined)
}

/** Is one of the expression and what it is made of like that? Queries inside are not looked into. */
export function contains(e: Expr, like: (e: Expr) => boolean): boolean {
  return like(e) || parts(e).some((p) => contains(p, like))
}
