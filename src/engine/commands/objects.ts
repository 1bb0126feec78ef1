/**
 * Views and synonyms: made, dropped, shown. One namespace with the topics. A view is the text of its SELECT, bound
 * again for each query that names it, with the rights of that query's account.
 */
import { type Administration, isVisible, notReadable } from '../../plan/administration.ts'
import { unknownTable } from '../../plan/bind/unknown-table.ts'
import type { Output } from '../../plan/plan.ts'
import { rowsOutput } from '../../plan/bind/show.ts'
import { queriesIn } from '../../plan/bind/walk.ts'
import type {
  CreateSynonym,
  CreateView,
  DropStatement,
  Expr,
  From,
  Name,
  Query,
  QueryBody,
  ShowStatement,
} from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { TIMESTAMP, STRING } from '../../types.ts'
import type { StatementContext } from '../context.ts'
import { flagAndInfo } from './answer.ts'
import { allowed } from './lookup.ts'
import { taken } from './tables.ts'

/** Limit `view.max.length` (characters): text of a view. Beyond it: CREATE VIEW is an error. */
const MAX_VIEW_LENGTH = 100_000

export async function createView(
  statement: CreateView,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const { name, query, text } = statement
  await checkFree(name, 'View', administration)
  if (text.length > MAX_VIEW_LENGTH)
    throw new SqlError(
      'LIMIT',
      `The SELECT of the view has ${text.length} characters, the limit is ${MAX_VIEW_LENGTH} (view.max.length).`,
      name.span,
    )
  const sources = sourcesOf(query)
  if (sources.includes(name.text)) throw await unknownTable({ ...name, text: name.text }, context.environment.catalog)
  // Errors of the SELECT are reported now, not when the view is used.
  await context.plan(query, context)
  await administration.objects.saveView({
    name: name.text,
    text,
    sources,
    owner: administration.account,
    createdAt: context.functions.nowMs,
  })
  return flagAndInfo('CREATE VIEW', `View ${name.text} has been created`)
}

export async function createSynonym(
  statement: CreateSynonym,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const { name, target } = statement
  await checkFree(name, 'Synonym', administration)
  const { catalog } = context.environment
  if ((await catalog.view?.(target.text)) === undefined && (await catalog.table(target.text)) === undefined)
    throw await unknownTable(target, catalog)
  await administration.objects.saveSynonym({
    name: name.text,
    target: target.text,
    owner: administration.account,
    createdAt: context.functions.nowMs,
  })
  return flagAndInfo('CREATE SYNONYM', `Synonym ${name.text} has been created`)
}

async function checkFree(name: Name, what: string, administration: Administration): Promise<void> {
  if (name.text.startsWith('__'))
    throw new SqlError(
      'FORBIDDEN',
      `${what}s cannot begin with two underscores: such names belong to Kafka and to virtual tables.`,
      name.span,
    )
  allowed('create', name.text, name, administration)
  const { objects } = administration
  if (objects.view(name.text) !== undefined || objects.synonym(name.text) !== undefined)
    throw taken(name.text, administration)
  for (const kind of ['view', 'synonym'] as const)
    if (objects.isOpaque?.(kind, name.text) === true) throw notReadable(kind, name.text)
  if (await administration.exists(name.text)) throw new SqlError('EXISTS', `Kafka topic ${name.text} already exists`)
}

export async function dropObject(
  statement: DropStatement,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const { name, ifExists } = statement
  const kind = statement.what as 'view' | 'synonym'
  const title = kind === 'view' ? 'View' : 'Synonym'
  const { objects } = administration
  const there =
    (kind === 'view' ? objects.view(name.text) : objects.synonym(name.text)) !== undefined &&
    isVisible(name.text, objects, (topic) => administration.may('read', topic))
  if (objects.isOpaque?.(kind, name.text) === true && administration.may('drop', name.text))
    throw notReadable(kind, name.text)
  if (!there && !ifExists)
    throw new SqlError(
      'UNKNOWN_TABLE',
      `Unknown ${kind} "${name.text}".`,
      name.span,
      `SHOW ${title.toUpperCase()}S lists the ${kind}s.`,
    )
  if (!there) return flagAndInfo(`DROP ${title.toUpperCase()}`, `${title} ${name.text} does not exist`)
  allowed('drop', name.text, name, administration)
  await objects.remove(kind, name.text)
  context.signal.throwIfAborted()
  return flagAndInfo(`DROP ${title.toUpperCase()}`, `${title} ${name.text} has been dropped`)
}

export function showViews(statement: ShowStatement, administration: Administration): Output {
  const { objects } = administration
  const visible = objects
    .views()
    .filter((v) => isVisible(v.name, objects, (topic) => administration.may('read', topic)))
  if (statement.what === 'views')
    return rowsOutput(
      'SHOW VIEWS',
      ['name', 'statement', 'owner', 'created'],
      visible.map((v) => [v.name, v.text, v.owner, v.createdAt]),
      [STRING, STRING, STRING, TIMESTAMP],
    )
  const name = statement.name as Name
  const view = visible.find((v) => v.name === name.text)
  if (view === undefined)
    throw new SqlError('UNKNOWN_TABLE', `Unknown view "${name.text}".`, name.span, 'SHOW VIEWS lists the views.')
  return rowsOutput('SHOW VIEW', ['name', 'statement'], [[view.name, view.text]])
}

export function showSynonyms(administration: Administration): Output {
  const { objects } = administration
  const visible = objects
    .synonyms()
    .filter((s) => isVisible(s.name, objects, (topic) => administration.may('read', topic)))
  return rowsOutput(
    'SHOW SYNONYMS',
    ['name', 'target'],
    visible.map((s) => [s.name, s.target]),
  )
}

// ---------------------------------------------------------------------------------------------- what a query reads

/** Names of all tables that it reads, also in queries inside of expressions. */
function sourcesOf(query: Query): string[] {
  const names = new Set<string>()
  queryNames(query, names, new Set())
  return [...names]
}

function queryNames(query: Query, names: Set<string>, ctes: ReadonlySet<string>): void {
  const inner = new Set(ctes)
  for (const { name, query: body } of query.with) {
    queryNames(body, names, inner)
    inner.add(name.text)
  }
  bodyNames(query.body, names, inner)
  for (const { expr } of query.orderBy) exprNames(expr, names, inner)
}

function bodyNames(body: QueryBody, names: Set<string>, ctes: ReadonlySet<string>): void {
  if (body.kind === 'query') return queryNames(body, names, ctes)
  if (body.kind === 'setOperation') {
    bodyNames(body.left, names, ctes)
    return bodyNames(body.right, names, ctes)
  }
  if (body.from !== undefined) fromNames(body.from, names, ctes)
  const items = body.items.flatMap((item) => (item.kind === 'expr' ? [item.expr] : []))
  for (const e of [...items, body.where, ...body.groupBy, body.having]) exprNames(e, names, ctes)
}

function exprNames(e: Expr | undefined, names: Set<string>, ctes: ReadonlySet<string>): void {
  if (e !== undefined) for (const query of queriesIn(e)) queryNames(query, names, ctes)
}

function fromNames(from: From, names: Set<string>, ctes: ReadonlySet<string>): void {
  switch (from.kind) {
    case 'table':
      if (!ctes.has(from.name.text)) names.add(from.name.text)
      return
    case 'derived':
      return queryNames(from.query, names, ctes)
    case 'join':
      fromNames(from.left, names, ctes)
      fromNames(from.right, names, ctes)
      return exprNames(from.on, names, ctes)
    case 'lateral':
      fromNames(from.input, names, ctes)
      return exprNames(from.array, names, ctes)
  }
}
