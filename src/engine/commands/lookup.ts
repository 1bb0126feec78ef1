/** Tables that a statement wants to change: found, allowed, and no view. */
import type { Administration, Right } from '../../plan/administration.ts'
import { unknownTable } from '../../plan/bind/unknown-table.ts'
import type { Table } from '../../plan/catalog.ts'
import type { Name, Span } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import type { StatementContext } from '../context.ts'

/** The table behind the name or synonym. Throws for an unknown one, a view, and without the right. */
export async function writableTable(
  name: Name,
  right: Right,
  administration: Administration,
  context: StatementContext,
): Promise<Table> {
  const { catalog } = context.environment
  if ((await catalog.view?.(name.text)) !== undefined)
    throw new SqlError('UNSUPPORTED', `${name.text} is a view; it holds no records of its own.`, name.span)
  const table = await catalog.table(name.text)
  if (table === undefined) throw await unknownTable(name, catalog)
  checkNotSystem(table.topic, name)
  allowed(right, table.topic, name, administration)
  return table
}

/** What a statement that changes something is answered where nothing can be changed. */
export function readingOnly(span: Span): SqlError {
  return new SqlError('UNSUPPORTED', 'Nothing can be changed here: this environment is for reading only.', span)
}

/** Topics that Kafka and the tools around it keep their own affairs in. */
const SYSTEM = /^(__|_schemas$|_confluent)/

/** Throws for a topic that nobody should change by SQL. */
export function checkNotSystem(topic: string, name: Name): void {
  if (SYSTEM.test(topic))
    throw new SqlError('FORBIDDEN', `${name.text} is a topic of the system; it cannot be changed by SQL.`, name.span)
}

const WORDS: Readonly<Record<Right, string>> = {
  read: 'read',
  insert: 'insert into',
  delete: 'delete from',
  create: 'create',
  drop: 'drop',
  offsets: 'move consumers of',
}

/** Throws where the account does not have the right. */
export function allowed(right: Right, topic: string, name: Name, administration: Administration): void {
  if (!administration.may(right, topic))
    throw new SqlError(
      'FORBIDDEN',
      `The account "${administration.account}" may not ${WORDS[right]} ${name.text}.`,
      name.span,
    )
}
