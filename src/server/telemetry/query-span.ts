/**
 * What a span says of a query, by the semantic conventions of OpenTelemetry where they have a word for it (`db.*` for
 * the query, `messaging.*` for what is read of Kafka), else under `sluice.`. Nothing of a record or a result is in it.
 */
import type { Attributes } from '@opentelemetry/api'
import {
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
} from '@opentelemetry/semantic-conventions'
import type { Stage, StageReport } from '../../engine/stages/stages.ts'
import type { ExportSummary } from '../../export/outcome.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import type { TracesConfig } from '../config/telemetry.ts'
import { withoutLiterals } from '../log.ts'
import type { Conversation } from '../socket/conversation.ts'
import { NAME } from '../version.ts'

// These attributes are in the conventions, but not stable yet, so the package does not promise their names.
const ATTR_DB_RESPONSE_RETURNED_ROWS = 'db.response.returned_rows'
const ATTR_USER_NAME = 'user.name'
const ATTR_MESSAGING_SYSTEM = 'messaging.system'
const ATTR_MESSAGING_DESTINATION_NAME = 'messaging.destination.name'
const ATTR_MESSAGING_OPERATION_NAME = 'messaging.operation.name'
const ATTR_MESSAGING_OPERATION_TYPE = 'messaging.operation.type'

/**
 * Limit `trace.statement.characters` (characters): the text of a statement in its span. Beyond it: it is cut.
 */
const MAX_STATEMENT = 4096
/**
 * Limit `trace.name.characters` (characters): the name of a query's span, as the conventions have it. Beyond it: tables
 * are left out.
 */
const MAX_NAME = 255

/** The name of a query's span before anything is known of it. */
export const UNNAMED = NAME

/** What is known as it begins. */
export function startAttributes(
  { statement, account }: TracesConfig,
  session: Conversation,
  { sql, live, follow }: QueryRequest,
): Attributes {
  return {
    [ATTR_DB_SYSTEM_NAME]: NAME,
    [ATTR_DB_NAMESPACE]: session.environmentName ?? '',
    'sluice.session.id': session.id,
    ...(live ? { 'sluice.live': true } : {}),
    ...(follow === true ? { 'sluice.follow': true } : {}),
    ...(statement === 'none'
      ? {}
      : { [ATTR_DB_QUERY_TEXT]: (statement === 'full' ? sql : withoutLiterals(sql)).slice(0, MAX_STATEMENT) }),
    ...(account && session.account !== undefined
      ? { [ATTR_USER_NAME]: session.account.name, 'sluice.account.kind': session.account.kind }
      : {}),
  }
}

/** What is known at its end. */
export function endAttributes(session: Conversation, summary: ExportSummary): Attributes {
  const { id, outcome, errorCode, results, recordsScanned, bytesRead, badRecords, stages, exported } = summary
  const operations = stages?.operations ?? []
  const name = stages === undefined ? '' : summaryOf(stages)
  return {
    // A fault before the query had an id of its own has that of the session.
    ...(id === '' || id === session.id ? {} : { 'sluice.query.id': id }),
    'sluice.outcome': outcome,
    [ATTR_DB_RESPONSE_RETURNED_ROWS]: results,
    'sluice.records.read': recordsScanned,
    'sluice.bytes.read': bytesRead,
    'sluice.bad_records': badRecords,
    'sluice.bytes.sent': session.bytesSent,
    ...(operations.length === 1 ? { [ATTR_DB_OPERATION_NAME]: operations[0] } : {}),
    ...(name === '' ? {} : { [ATTR_DB_QUERY_SUMMARY]: name }),
    ...(errorCode === undefined ? {} : { [ATTR_DB_RESPONSE_STATUS_CODE]: errorCode }),
    ...(outcome === 'error' ? { [ATTR_ERROR_TYPE]: errorCode ?? '_OTHER' } : {}),
    ...(exported === undefined ? {} : { 'sluice.export.outcome': exported.outcome }),
    ...(stages === undefined || stages.leftOut === 0 ? {} : { 'sluice.stages.left_out': stages.leftOut }),
  }
}

/** `SELECT orders customers`: the kinds of the statements and the tables that were read, at most `MAX_NAME` characters. */
export function summaryOf({ operations, stages }: StageReport): string {
  let text = operations.join('; ').slice(0, MAX_NAME)
  const topics = new Set(stages.flatMap(({ facts }) => (typeof facts?.topic === 'string' ? [facts.topic] : [])))
  for (const topic of topics) if (text.length + topic.length < MAX_NAME) text += ` ${topic}`
  return text
}

/** Name and attributes of a stage's span. */
export function stageSpan({ name, facts = {} }: Stage): { readonly name: string; readonly attributes: Attributes } {
  if (name !== 'read')
    return { name, attributes: typeof facts.index === 'number' ? { 'sluice.statement.index': facts.index } : {} }
  return {
    name: `fetch ${facts.topic}`,
    attributes: {
      [ATTR_MESSAGING_SYSTEM]: 'kafka',
      [ATTR_MESSAGING_DESTINATION_NAME]: facts.topic,
      [ATTR_MESSAGING_OPERATION_NAME]: 'fetch',
      [ATTR_MESSAGING_OPERATION_TYPE]: 'receive',
      'sluice.partitions': facts.partitions,
      ...(facts.records === undefined ? {} : { 'sluice.records.read': facts.records }),
      ...(facts.bytes === undefined ? {} : { 'sluice.bytes.read': facts.bytes }),
      ...(facts.engine === undefined ? {} : { 'sluice.engine': facts.engine }),
    },
  }
}
