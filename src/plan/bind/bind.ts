/**
 * SELECT → plan: tables are looked up, names resolved, aggregates separated, stars expanded, output columns named. The
 * only step that asks the catalog (await ①). It does not optimize and does not read a record.
 */
import type * as ast from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { parseQuery } from '../../sql/parse.ts'
import { INT, JSON_TYPE } from '../../types.ts'
import { bindExpr } from './expressions/bind-expression.ts'
import { type Bound, type BoundRelation, NO_SUBQUERIES, type Subqueries } from './select/bound-query.ts'
import { bindSelect, orderedRows } from './select/bind-select.ts'
import { matcher, mergeTopics, type Topic } from './bind-pattern.ts'
import type { Catalog } from '../catalog.ts'
import { aType, condition } from './expressions/coerce.ts'
import { allOf, conjuncts } from '../expressions/conjuncts.ts'
import { joinKeys } from '../expressions/join-keys.ts'
import { sourcesOf } from '../lower/lower.ts'
import { decorrelate } from '../lower/decorrelate.ts'
import { freeReferences } from '../lower/correlation.ts'
import { hasVolatile, inPlace } from '../run-once.ts'
import type { BoundExpr, OnceQuery, Output, OutputColumn, Plan } from '../plan.ts'
import type { Relation, RowRelation } from './names/relation.ts'
import { Scope } from './names/scope.ts'
import { asFilter } from './expressions/truth.ts'
import { asRelation, checkNames, combined, rowsToCome, sameStars, scanOf } from './relations.ts'
import { unknownTable } from './unknown-table.ts'
import { virtualTable } from './virtual-tables.ts'
import { queriesIn } from './walk.ts'

/** Topics of a pattern that the catalog is asked for side by side. */
const TOPICS_AT_ONCE = 8
/**
 * Limit `query.default.limit` (rows): rows of a statement that names no LIMIT. Beyond it: the result ends, and a
 * SENTINEL says so.
 */
export const DEFAULT_LIMIT = 10_000

export interface BindContext {
  readonly catalog: Catalog
  /** Rows when there is no LIMIT. */
  readonly defaultLimit: number
  /** Topics that one statement may read (`max.sources`); default 64. */
  readonly maxSources?: number
  /** Topics that one pattern may stand for (`max.pattern.topics`); default 100. */
  readonly maxPatternTopics?: number
}

/** What is passed along while one statement is bound. */
class Binder {
  readonly catalog: Catalog
  readonly #defaultLimit: number
  readonly #maxTopics: number
  readonly #maxPatternTopics: number
  #sources = 0
  #topics = 0
  #depth = 0
  #expanded = 0

  constructor(context: BindContext) {
    this.catalog = context.catalog
    this.#defaultLimit = context.defaultLimit
    this.#maxTopics = context.maxSources ?? 64
    this.#maxPatternTopics = context.maxPatternTopics ?? 100
  }

  newSource(): number {
    return this.#sources++
  }

  /** The whole statement: rows are capped where no LIMIT was written. */
  async statement(query: ast.Query, sight: Sight): Promise<Output> {
    const output = await this.query(query, sight)
    if (
      query.limit?.count !== undefined ||
      (output.input.kind === 'limit' && output.input.count !== Number.MAX_SAFE_INTEGER)
    )
      return output
    const skip = output.input.kind === 'limit' ? output.input.skip : 0
    return {
      ...output,
      input: {
        kind: 'limit',
        input: output.input.kind === 'limit' ? output.input.input : output.input,
        skip,
        count: this.#defaultLimit,
        implied: true,
      },
    }
  }

  async query(query: ast.Query, sight: Sight): Promise<Output> {
    if (++this.#depth > MAX_QUERY_DEPTH)
      throw new SqlError(
        'LIMIT',
        `Queries are nested more than ${MAX_QUERY_DEPTH} deep (sql.max.query.depth).`,
        query.span,
        'A view that selects from itself would do that.',
      )
    const ctes = new Map<string, WithQuery>(sight.ctes)
    for (const { name, query: body } of query.with)
      ctes.set(name.text, { query: body, sight: { ...sight, ctes: new Map(ctes) } })
    const { output, orders } = await this.#body(query.body, { ...sight, ctes }, query.orderBy)
    this.#depth--
    let input = output.input
    if (orders.length > 0) input = { kind: 'sort', input, by: orders }
    if (query.limit !== undefined)
      input = {
        kind: 'limit',
        input,
        skip: query.limit.skip,
        count: query.limit.count ?? Number.MAX_SAFE_INTEGER,
        implied: false,
      }
    return { ...output, input }
  }

  async #body(body: ast.QueryBody, sight: Sight, orderBy: readonly ast.OrderItem[]): Promise<Bound> {
    if (body.kind === 'select') return this.#select(body, sight, orderBy)
    if (body.kind === 'query') {
      const output = await this.query(body, sight)
      return orderBy.length === 0 ? { output, orders: [] } : this.#ordered(this.#relation(output), orderBy, sight)
    }
    return this.#ordered(await this.#setOperation(body, sight), orderBy, sight)
  }

  async #ordered(of: BoundRelation, orderBy: readonly ast.OrderItem[], sight: Sight): Promise<Bound> {
    const exprs = orderBy.map((o) => o.expr)
    return orderedRows(
      of,
      orderBy,
      await this.subqueries(exprs, new Scope([of.relation], sight.outer), sight),
      sight.outer,
    )
  }

  async #select(select: ast.Select, sight: Sight, orderBy: readonly ast.OrderItem[]): Promise<Bound> {
    const from = await this.from(select.from, sight)
    const scope = new Scope(from.relations, sight.outer)
    const items = select.items.map((i) => (i.kind === 'expr' ? i.expr : undefined))
    const exprs = [...items, select.where, ...select.groupBy, select.having, ...orderBy.map((o) => o.expr)]
    return bindSelect(select, from.plan, scope, orderBy, await this.subqueries(exprs, scope, sight), () =>
      this.newSource(),
    )
  }

  /**
   * Chains of the same operator are left-deep; they are walked without recursion, and a chain of UNIONs is one node.
   */
  async #setOperation(body: ast.SetOperation, sight: Sight): Promise<BoundRelation> {
    const chain: ast.SetOperation[] = []
    let first: ast.QueryBody = body
    while (first.kind === 'setOperation') {
      chain.push(first)
      first = first.left
    }
    let left = this.#relation((await this.#body(first, sight, [])).output)
    let depth = 0
    for (let at = chain.length - 1; at >= 0; ) {
      const { op, all } = chain[at]
      const group: ast.SetOperation[] = []
      do group.push(chain[at--])
      while (op === 'union' && at >= 0 && chain[at].op === op && chain[at].all === all)
      if (++depth > MAX_SET_DEPTH)
        throw new SqlError(
          'LIMIT',
          `More than ${MAX_SET_DEPTH} different set operations follow each other (sql.max.set.operations).`,
          body.span,
        )
      const sides = [left]
      for (const g of group) {
        const side = this.#relation((await this.#body(g.right, sight, [])).output)
        if (!sameStars(left.relation, side.relation))
          throw new SqlError(
            'TYPE',
            `One side of ${op.toUpperCase()} has a "*" over JSON, which is as many columns as each record has, ` +
              'where the other side has columns with names.',
            g.span,
            'Name the columns on both sides, or write "*" on both.',
          )
        if (side.relation.columns.length !== left.relation.columns.length)
          throw new SqlError(
            'TYPE',
            `The two sides of ${op.toUpperCase()} have ${left.relation.columns.length} and ` +
              `${side.relation.columns.length} columns.`,
            g.span,
            'They have to have the same number.',
          )
        sides.push(side)
      }
      left = combined(op, all, sides, this.newSource())
    }
    return left
  }

  /** A query in FROM: its output columns, and hidden behind them what a star in it left out. */
  derived(output: Output, names: readonly string[]): BoundFrom {
    const { plan, relation } = this.#relation(output, names, output.beside)
    return { plan, relations: [relation] }
  }

  #relation(output: Output, names: readonly string[] = [], hidden: readonly OutputColumn[] = []): BoundRelation {
    return asRelation(output, this.newSource(), names, hidden)
  }

  /** Binds the queries inside expressions. They see the WITH names, and the names of the enclosing query. */
  async subqueries(exprs: readonly (ast.Expr | undefined)[], scope: Scope, sight: Sight): Promise<Subqueries> {
    const bound = new Map<ast.Query, Output>()
    for (const query of exprs.flatMap((e) => (e === undefined ? [] : queriesIn(e)))) {
      const output = await this.query(query, { ctes: sight.ctes, outer: scope })
      bound.set(query, orderedRows(this.#relation(output), [], NO_SUBQUERIES).output)
    }
    return bound
  }

  // ------------------------------------------------------------------------------------------ FROM

  async from(from: ast.From | undefined, sight: Sight): Promise<BoundFrom> {
    if (from === undefined)
      return {
        plan: { kind: 'values', source: this.newSource(), title: '__dual', rows: [[1]], types: [INT] },
        relations: [],
      }
    switch (from.kind) {
      case 'table':
        return this.#table(from, sight)
      case 'derived':
        return this.derived(await this.query(from.query, sight), from.alias === undefined ? [] : [from.alias.text])
      case 'join':
        return bindJoin(from, this, sight)
      case 'lateral':
        return this.#lateral(from, sight)
    }
  }

  async #table(from: ast.TableRef, sight: Sight): Promise<BoundFrom> {
    const name = from.name.text
    const names = from.alias === undefined ? [name] : [from.alias.text]
    const cte = sight.ctes.get(name)
    if (
      from.latest === true &&
      (cte !== undefined || (await this.catalog.view?.(name)) !== undefined || name.startsWith('__'))
    )
      throw new SqlError('UNSUPPORTED', `LATEST takes a topic, and "${name}" is none.`, from.name.span)
    if (cte !== undefined) return this.#with(cte, name, names, from.name.span)
    if (from.name.quoted && name.includes('*')) return this.#pattern(from, name, names)
    const virtual = await virtualTable(name, this.catalog)
    if (virtual !== undefined) {
      const source = this.newSource()
      const relation: RowRelation = { kind: 'rows', source, columns: virtual.columns, names }
      return {
        plan: { kind: 'values', source, title: name, rows: virtual.rows, types: virtual.columns.map((c) => c.type) },
        relations: [relation],
      }
    }
    const view = await this.catalog.view?.(name)
    if (view !== undefined) return this.#view(from, view, names)
    const table = await this.catalog.table(name)
    if (table === undefined) throw await unknownTable(from.name, this.catalog)
    this.#countTopic(from.span)
    const source = this.newSource()
    return {
      plan: scanOf(from, source, table),
      relations: [{ kind: 'table', source, table, names, latest: from.latest }],
    }
  }

  /**
   * A WITH query: bound again in each place, unless its rows would differ each time; then all places have the same
   * ones. One that uses outer names cannot.
   */
  async #with(cte: WithQuery, name: string, names: readonly string[], span: ast.Span): Promise<BoundFrom> {
    const { once } = cte
    if (once !== undefined) {
      const source = this.newSource()
      const relation = { ...once.relation, source, names }
      return { plan: rowsToCome(once.query, relation), relations: [relation] }
    }
    this.#countExpanded(cte.query.span.end - cte.query.span.start, span)
    const output = await this.query(cte.query, cte.sight)
    const { plan, relation } = this.#relation(output, names, output.beside)
    if (relation.kind !== 'rows' || !hasVolatile(plan) || freeReferences(plan).length > 0)
      return { plan, relations: [relation] }
    const columns: OutputColumn[] = relation.columns.map((c, index) => ({
      path: [c.name],
      expr: { kind: 'column', source: relation.source, index, name: c.name, type: c.type },
    }))
    const query: OnceQuery = {
      id: relation.source,
      name,
      plan: { kind: 'output', input: plan, metadata: false, shape: { kind: 'columns', columns } },
      alone: plan,
    }
    cte.once = { query, relation }
    return { plan: rowsToCome(query, relation), relations: [relation] }
  }

  /** FROM `orders.*`: every topic of such a name that the account may see, as one table. */
  async #pattern(from: ast.TableRef, pattern: string, names: readonly string[]): Promise<BoundFrom> {
    const matches = matcher(pattern)
    const found = (await this.catalog.tables()).filter((t) => t.type === 'USER' && matches(t.name)).map((t) => t.name)
    if (found.length > this.#maxPatternTopics)
      throw new SqlError(
        'LIMIT',
        `"${pattern}" matches ${found.length} topics, and max.pattern.topics is ${this.#maxPatternTopics}.`,
        from.name.span,
        'Write a narrower pattern, or SET max.pattern.topics.',
      )
    const topics: Topic[] = []
    const wanted = found.sort()
    for (let at = 0; at < wanted.length; at += TOPICS_AT_ONCE) {
      const tables = await Promise.all(wanted.slice(at, at + TOPICS_AT_ONCE).map((name) => this.catalog.table(name)))
      for (const table of tables) {
        const source = this.newSource()
        if (table !== undefined) topics.push({ table, source, plan: scanOf(from, source, table) })
      }
    }
    if (topics.length === 0)
      throw new SqlError(
        'UNKNOWN_TABLE',
        `No topic matches "${pattern}".`,
        from.name.span,
        'In a back-ticked name "*" stands for any characters; SHOW TABLES lists the tables.',
      )
    const { columns, sides } = mergeTopics(topics)
    const source = this.newSource()
    const plan: Plan = {
      kind: 'project',
      source,
      input: { kind: 'setOperation', op: 'union', all: true, sides },
      columns: columns.map((c, index) => ({ name: c.name, expr: { kind: 'slot', index, name: c.name, type: c.type } })),
    }
    return { plan, relations: [{ kind: 'rows', source, columns, names }] }
  }

  #countTopic(span: ast.Span): void {
    if (++this.#topics > this.#maxTopics)
      throw new SqlError(
        'LIMIT',
        `The statement reads more than ${this.#maxTopics} topics (max.sources).`,
        span,
        'A topic counts once for each place where it is read. SET max.sources.',
      )
  }

  /**
   * WITH queries and views are bound again wherever they are named: in chains each of which names the one before twice,
   * what they become doubles with every one. Counted before it is bound.
   */
  #countExpanded(characters: number, span: ast.Span): void {
    this.#expanded += Math.max(characters, LEAST_EXPANDED)
    if (this.#expanded > MAX_EXPANDED)
      throw new SqlError(
        'LIMIT',
        'The WITH queries and views of the statement, each written out wherever it is named, are longer than ' +
          `${MAX_EXPANDED} characters (sql.max.expanded.length).`,
        span,
        `Each counts for ${LEAST_EXPANDED} characters at least. Name them less often: a chain that names the one ` +
          'before twice doubles with every link.',
      )
  }

  /**
   * The text of a view in its place, with names of its own in sight. Its errors point at the name: their own places lie
   * in another text.
   */
  async #view(from: ast.TableRef, text: string, names: readonly string[]): Promise<BoundFrom> {
    this.#countExpanded(text.length, from.name.span)
    try {
      return this.derived(await this.query(parseQuery(text), { ctes: new Map() }), names)
    } catch (e) {
      if (!(e instanceof SqlError)) throw e
      const message =
        e.message.startsWith('The view "') || e.code === 'LIMIT'
          ? e.message
          : `The view "${from.name.text}" cannot be read: ${e.message}`
      throw new SqlError(e.code, message, from.name.span, e.hint)
    }
  }

  async #lateral(from: ast.Lateral, sight: Sight): Promise<BoundFrom> {
    const input = await this.from(from.input, sight)
    const array = bindExpr(from.array, {
      scope: new Scope(input.relations, sight.outer),
      clause: 'LATERAL',
      subqueries: NO_SUBQUERIES,
    })
    const t = array.type
    if (t.kind !== 'array' && t.kind !== 'json' && t.kind !== 'null')
      throw new SqlError('TYPE', `LATERAL takes an array, and this is ${aType(t)}.`, from.array.span)
    const source = this.newSource()
    const relation: RowRelation = {
      kind: 'rows',
      source,
      columns: [{ name: from.alias.text, type: t.kind === 'array' ? t.element : t.kind === 'json' ? t : JSON_TYPE }],
      names: [from.alias.text],
      item: true,
    }
    return {
      plan: { kind: 'unnest', input: input.plan, source, array, name: from.alias.text },
      relations: [...input.relations, relation],
    }
  }
}

/** The plan of a query. Throws a SqlError with the place of what is wrong. */
export async function bindQuery(query: ast.Query, context: BindContext): Promise<Output> {
  return decorrelate(inPlace(await new Binder(context).statement(query, { ctes: new Map() })))
}

/** Limit `sql.max.query.depth` (levels): queries inside queries, views in views. Beyond it: an error. */
const MAX_QUERY_DEPTH = 64

/**
 * Limit `sql.max.expanded.length` (characters): texts of WITH queries and views, each counted wherever it is named.
 * Beyond it: an error. As many as a text of SQL may have.
 */
const MAX_EXPANDED = 1024 * 1024
/**
 * What even the shortest of them counts: a plan of its own costs more than its text. So there are 1024 uses at most.
 */
const LEAST_EXPANDED = 1024

/**
 * Limit `sql.max.set.operations` (operations): EXCEPT, INTERSECT and changes of operator in one chain. Beyond it: an
 * error.
 */
const MAX_SET_DEPTH = 200

/**
 * What a query sees: WITH names (each with what it sees itself), and the enclosing query when it stands inside an
 * expression.
 */
interface Sight {
  readonly ctes: ReadonlyMap<string, WithQuery>
  readonly outer?: Scope
}

interface WithQuery {
  readonly query: ast.Query
  readonly sight: Sight
  /** Once it has been bound, if its rows are the same in all places. */
  once?: { readonly query: OnceQuery; readonly relation: RowRelation }
}

interface BoundFrom {
  readonly plan: Plan
  readonly relations: readonly Relation[]
}

async function bindJoin(from: ast.Join, binder: Binder, sight: Sight): Promise<BoundFrom> {
  const left = await binder.from(from.left, sight)
  const right = await binder.from(from.right, sight)
  const relations = [...left.relations, ...right.relations]
  checkNames(relations, from)
  const scope = new Scope(relations, sight.outer)
  const subqueries = await binder.subqueries([from.on], scope, sight)
  const terms =
    from.on === undefined
      ? []
      : conjuncts(asFilter(condition(bindExpr(from.on, { scope, clause: 'ON', subqueries }), 'ON')))
  const [leftSources, rightSources] = [new Set(sourcesOf(left.plan)), new Set(sourcesOf(right.plan))]
  const { keys, rest } = joinKeys(terms, leftSources, rightSources)
  const residual: BoundExpr | undefined = rest.length === 0 ? undefined : allOf(rest)
  const type = from.type === 'cross' ? 'inner' : from.type
  return { plan: { kind: 'join', type, left: left.plan, right: right.plan, keys, residual }, relations }
}
