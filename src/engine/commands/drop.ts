/**
 * DROP TABLE and TRUNCATE TABLE. Each has several steps, of which any may fail, or be done although nobody says so: what
 * was done is told, and the same statement again does the rest.
 */
import { KafkaError } from '../../kafka/log.ts'
import { UserError } from '../../lib/user-error.ts'
import { type Administration, notReadable, type TableDeclaration } from '../../plan/administration.ts'
import { unknownTable } from '../../plan/bind/unknown-table.ts'
import type { Catalog } from '../../plan/catalog.ts'
import type { Output } from '../../plan/plan.ts'
import type { DropStatement, TruncateStatement } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import type { StatementContext } from '../context.ts'
import { bareTrue, flagAndInfo } from './answer.ts'
import { allowed, checkNotSystem, writableTable } from './lookup.ts'

const POLICY_VIOLATION = 'POLICY_VIOLATION'

export async function dropTable(
  statement: DropStatement,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const { name, ifExists } = statement
  const { catalog } = context.environment
  const { objects } = administration
  if ((await catalog.view?.(name.text)) !== undefined)
    throw new SqlError('UNKNOWN_TABLE', `${name.text} is a view.`, name.span, `DROP VIEW ${name.text} takes it away.`)
  if (objects.synonym(name.text) !== undefined)
    throw new SqlError(
      'UNKNOWN_TABLE',
      `${name.text} is a synonym.`,
      name.span,
      `DROP SYNONYM ${name.text} takes it away; DROP TABLE needs the topic's own name.`,
    )
  const mayRead = administration.may('read', name.text)
  const there = mayRead && (await administration.exists(name.text))
  // A declaration alone is what is left of a DROP that could not end.
  if (!there && (!mayRead || objects.table(name.text) === undefined)) {
    if (ifExists) return bareTrue('DROP TABLE')
    throw await unknownTable(name, catalog)
  }
  allowed('drop', name.text, name, administration)
  checkNotSystem(name.text, name)
  await dropTopic(name.text, administration, catalog, context.signal)
  return bareTrue('DROP TABLE')
}

/**
 * Deletes a topic, the schemas that were made for it, and what was declared of it; of one that is not there any more what
 * is left. Rejects with a KafkaError where there is neither.
 */
export async function dropTopic(
  name: string,
  administration: Administration,
  catalog: Catalog,
  signal: AbortSignal,
): Promise<void> {
  const { objects } = administration
  // Nobody here knows what else goes with it.
  if (objects.isOpaque?.('table', name) === true) throw notReadable('declaration of topic', name)
  const there = await administration.exists(name)
  const declaration = there ? await declarationOfTopic(name, administration, catalog) : objects.table(name)
  if (there || declaration === undefined) await administration.deleteTopic(name, signal)
  administration.forget(name)
  for (const subject of declaration?.subjects ?? [])
    try {
      await administration.deleteSubject(subject)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      throw new UserError(
        `The topic ${name} was deleted, and its schema ${subject} was not: ${error.message} Say it again to have the rest deleted.`,
      )
    }
  await objects.remove('table', name)
}

/** What was declared of the topic that has the name now; of one that had it before nothing counts. */
export async function declarationOfTopic(
  name: string,
  { objects }: Administration,
  catalog: Catalog,
): Promise<TableDeclaration | undefined> {
  const declaration = objects.table(name)
  if (declaration?.topicId === undefined) return declaration
  const id = (await catalog.table(name))?.topicId
  return id === undefined || id === declaration.topicId ? declaration : undefined
}

/**
 * Removes the records and keeps the topic; a compacted topic, where Kafka removes no ranges, is deleted and created
 * again as it was.
 */
export async function truncate(
  statement: TruncateStatement,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const table = await writableTable(statement.table, 'delete', administration, context)
  try {
    await administration.deleteRecords(table.topic, new Map(table.partitions.map((p) => [p, 'end'])), context.signal)
  } catch (error) {
    if (!(error instanceof KafkaError) || error.errorName !== POLICY_VIOLATION) throw error
    await makeAnew(table.topic, administration, context)
  }
  return flagAndInfo('TRUNCATE', `Table ${table.name} has been truncated`)
}

async function makeAnew(name: string, administration: Administration, context: StatementContext): Promise<void> {
  const topic = await administration.topic(name)
  if (topic.unknownConfig !== undefined)
    throw new SqlError(
      'FORBIDDEN',
      `The topic ${name} is compacted, so that it would be deleted and created again; its settings may not be read, and would be lost: ${topic.unknownConfig}`,
      undefined,
      'Allow DESCRIBE_CONFIGS on it.',
    )
  const declaration = await declarationOfTopic(name, administration, context.environment.catalog)
  context.signal.throwIfAborted()
  // From here on an end would leave no topic at all.
  const endless = new AbortController().signal
  try {
    await administration.deleteTopic(name, endless)
  } catch (error) {
    if (await administration.exists(name)) throw error
  }
  try {
    await administration.createTopic(topic, endless)
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    const settings = Object.entries(topic.config).map(([key, value]) => `'${key}' = '${value}'`)
    throw new UserError(
      `The topic ${name} was deleted and could not be created again: ${error.message}. It had ${[`partitions = ${topic.partitions}`, `replication = ${topic.replication}`, ...settings].join(', ')}.`,
    )
  }
  // What CREATE TABLE said holds for the new topic, too.
  if (declaration !== undefined) await administration.objects.saveTable(name, { ...declaration, topicId: undefined })
  administration.forget(name)
}
