/** CREATE TABLE and SHOW CREATE TABLE: topics, their formats, and the schemas that go with them. */
import {
  type FormatName,
  FORMATS,
  formatNamed,
  PLAIN_FORMATS,
  mixedParts,
  traitsOf,
  windowedParts,
} from '../../formats/format.ts'
import { castType, decimalProblem, TYPE_NAMES } from '../../functions/support/cast.ts'
import { KafkaError } from '../../kafka/log.ts'
import { didYouMean } from '../../lib/suggest.ts'
import { isTopicName } from '../../plan/administration.ts'
import { UserError } from '../../lib/user-error.ts'
import type { Administration, TableDeclaration, TopicToCreate } from '../../plan/administration.ts'
import { unknownTable } from '../../plan/bind/unknown-table.ts'
import type { Table, TableFacet } from '../../plan/catalog.ts'
import type { Output } from '../../plan/plan.ts'
import { rowsOutput } from '../../plan/bind/show.ts'
import { leaves } from '../../plan/bind/virtual-tables.ts'
import type { ColumnDefinition, CreateTable, Name, ShowStatement } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { type DataType, type StructType, typeName } from '../../types.ts'
import type { StatementContext } from '../context.ts'
import { flagAndInfo } from './answer.ts'
import { avroSchema } from './avro-schema.ts'
import { protobufSchema } from './protobuf-schema.ts'
import { declarationOfTopic } from './drop.ts'
import { allowed } from './lookup.ts'

/** Formats that CREATE TABLE takes; for keys, single ones also behind TW and SW. */
const CREATED = PLAIN_FORMATS.filter((format) => FORMATS[format].created)
/** Not a limit: digits that are read. */
const MOST_PARTITIONS = 99_999
/** Not a limit: as many as Kafka's number has room for. */
const MOST_REPLICAS = 32_767
const TOPIC_ALREADY_EXISTS = 'TOPIC_ALREADY_EXISTS'

export async function createTable(
  statement: CreateTable,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const name = statement.name.text
  const plan = planTable(statement)
  allowed('create', name, statement.name, administration)
  if (administration.objects.view(name) !== undefined || administration.objects.synonym(name) !== undefined)
    throw taken(name, administration)
  const topic = topicOf(statement)
  const there = await administration.exists(name)
  if (there && !statement.ifNotExists) throw alreadyExists(name)
  if (there && (await declarationOfTopic(name, administration, context.environment.catalog)) !== undefined)
    return flagAndInfo('CREATE TABLE', `Topic ${name} exists already`)
  // Schemas first: a registry that refuses leaves no topic behind.
  const subjects = await registerSchemas(plan, administration)
  try {
    if (!there) await administration.createTopic(topic, context.signal)
  } catch (error) {
    // A topic may be there although nobody said so: then it is one with these schemas.
    const isRefused = error instanceof KafkaError && error.code > 0
    if (isRefused || !(await administration.exists(name))) {
      await withdraw(subjects, administration)
      throw error instanceof KafkaError && error.errorName === TOPIC_ALREADY_EXISTS ? alreadyExists(name) : error
    }
  }
  await saveFormats(administration, name, {
    key: plan.key.format,
    value: plan.value.format,
    ...(plan.key.format === 'JSON' && plan.key.type?.kind === 'struct' ? { keyColumns: plan.key.type } : {}),
    ...(plan.value.format === 'JSON' && plan.value.type?.kind === 'struct' ? { valueColumns: plan.value.type } : {}),
    subjects,
  })
  administration.forget(name)
  return flagAndInfo('CREATE TABLE', there ? `Topic ${name} has got its formats` : `Topic ${name} has been created`)
}

function alreadyExists(name: string): SqlError {
  return new SqlError('EXISTS', `Kafka topic ${name} already exists`)
}

/** A view or synonym stands in the way. */
export function taken(name: string, administration: Administration): SqlError {
  return new SqlError(
    'EXISTS',
    administration.objects.view(name) === undefined ? `Synonym ${name} already exists` : `View ${name} already exists`,
  )
}

async function registerSchemas(plan: PlannedTable, administration: Administration): Promise<string[]> {
  const created: string[] = []
  try {
    for (const side of ['key', 'value'] as const) {
      const facet = plan[side]
      const { format, type } = facet
      if ((format !== 'AVRO' && format !== 'PROTOBUF') || type === undefined) continue
      const subject = `${plan.name}-${side}`
      const name = side === 'key' ? `${plan.name}_key` : plan.name
      const answer = await administration.registerSchema(
        subject,
        format,
        format === 'AVRO' ? avroSchema(type, name) : protobufSchema(type, name),
      )
      if (answer.created) created.push(subject)
    }
  } catch (error) {
    await withdraw(created, administration)
    throw error
  }
  return created
}

/** Takes schemas away that were made for nothing. What went wrong before is what is told. */
async function withdraw(subjects: readonly string[], administration: Administration): Promise<void> {
  await Promise.allSettled(subjects.map((subject) => administration.deleteSubject(subject)))
}

async function saveFormats(administration: Administration, name: string, given: TableDeclaration): Promise<void> {
  try {
    await administration.objects.saveTable(name, given)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(`The topic ${name} is there, and its formats are not: ${error.message}`)
  }
}

// ---------------------------------------------------------------------------------------------- what is to be created

interface PlannedFacet {
  readonly format: FormatName
  /** What the columns declare; undefined where none is of this side. */
  readonly type: DataType | undefined
}
interface PlannedTable {
  readonly name: string
  readonly key: PlannedFacet
  readonly value: PlannedFacet
}

function planTable(statement: CreateTable): PlannedTable {
  const { name, columns } = statement
  if (!isTopicName(name.text))
    throw new SqlError(
      'VALUE',
      `"${name.text}" cannot be the name of a topic.`,
      name.span,
      'Up to 249 letters, digits, dots, dashes and underscores.',
    )
  if (name.text.startsWith('__'))
    throw new SqlError(
      'FORBIDDEN',
      "Names that begin with two underscores are Kafka's own and those of virtual tables.",
      name.span,
    )
  const isKey = (c: ColumnDefinition): boolean => c.path[0].text === '_key'
  const key = plannedFacet('key', formatOf(statement.keyFormat, 'key'), columns.filter(isKey), statement)
  const value = plannedFacet(
    'value',
    formatOf(statement.valueFormat, 'value'),
    columns.filter((c) => !isKey(c)),
    statement,
  )
  return { name: name.text, key, value }
}

function formatOf(name: Name, side: 'key' | 'value'): FormatName {
  const wanted = formatNamed(name.text)
  if (wanted === undefined) {
    const hint = didYouMean(name.text.toUpperCase(), CREATED) ?? `Formats: ${CREATED.join(', ')}.`
    throw new SqlError('TYPE', `Unknown format "${name.text}".`, name.span, hint)
  }
  if (mixedParts(wanted) !== undefined) return wanted
  const { created, columns } = traitsOf(wanted)
  if (created && (windowedParts(wanted) === undefined || (side === 'key' && !columns))) return wanted
  const windowed =
    side === 'key'
      ? `, and for windowed keys TW or SW before ${CREATED.filter((format) => !FORMATS[format].columns).join(', ')}`
      : ''
  const hint = `It makes: ${CREATED.join(', ')}${windowed}.`
  throw new SqlError('UNSUPPORTED', `CREATE TABLE does not make ${wanted} ${side}s.`, name.span, hint)
}

function plannedFacet(
  side: 'key' | 'value',
  format: FormatName,
  columns: readonly ColumnDefinition[],
  statement: CreateTable,
): PlannedFacet {
  for (const column of columns)
    if (/^_(headers?|meta(data)?)$/.test(column.path[0].text))
      throw new SqlError('VALUE', `"${column.path[0].text}" is no column: every record has it.`, column.span)
  if (mixedParts(format) !== undefined) {
    if (columns.length === 0) return { format, type: undefined }
    throw new SqlError(
      'TYPE',
      `A ${side} of several formats (${format}) has no columns that could be declared.`,
      columns[0].span,
      'Its fields are known per record.',
    )
  }
  const whole = columns.filter(
    (c) =>
      c.path.length === 1 &&
      (c.path[0].text === `_${side}` || (side === 'value' && c.path[0].text === 'value' && !traitsOf(format).columns)),
  )
  if (whole.length > 0 && columns.length > 1)
    throw new SqlError(
      'TYPE',
      `"${whole[0].path[0].text}" is the whole ${side}, and other columns are parts of it.`,
      whole[0].span,
    )
  const type = whole.length > 0 ? columnType(whole[0]) : columns.length === 0 ? undefined : structOf(columns, side)
  if (windowedParts(format) !== undefined) checkWindowed(format, type, columns)
  else if (!traitsOf(format).columns) checkSingle(side, format, type, columns, statement)
  if (side === 'value' && format !== 'JSON' && traitsOf(format).columns && type === undefined)
    throw new SqlError(
      'TYPE',
      `A table of ${format} needs columns: its schema is made of them.`,
      statement.valueFormat.span,
    )
  return { format, type }
}

/** A windowed key has the columns that its format gives it; they may be named. */
function checkWindowed(format: FormatName, type: DataType | undefined, columns: readonly ColumnDefinition[]): void {
  const parts = windowedParts(format)
  if (type === undefined || parts === undefined) return
  const names = ['windowStart', ...(parts.kind === 'SW' ? ['windowEnd'] : [])]
  const expected = new Map([
    ['key', parts.inner.toLowerCase()],
    ...names.map((name): [string, string] => [name, 'timestamp']),
  ])
  const fits = type.kind === 'struct' && type.fields.every((field) => expected.get(field.name) === field.type.kind)
  if (fits) return
  const list = [...expected].map(([name, kind]) => `_key.${name} ${kind}`).join(', ')
  throw new SqlError(
    'TYPE',
    `Keys of format ${format} have the columns ${list}.`,
    columns[0].span,
    'Declare these, or none.',
  )
}

/** A single value has the type of its format. */
function checkSingle(
  side: 'key' | 'value',
  format: FormatName,
  type: DataType | undefined,
  columns: readonly ColumnDefinition[],
  statement: CreateTable,
): void {
  if (type === undefined) return
  const span = columns[0].span
  if (type.kind === 'struct')
    throw new SqlError(
      'TYPE',
      `A ${side} of format ${format} is a single value and has no columns.`,
      span,
      side === 'key' ? 'Declare it as _key, or not at all.' : 'Declare it as _value, or choose JSON, AVRO or PROTOBUF.',
    )
  if (type.kind !== format.toLowerCase())
    throw new SqlError(
      'TYPE',
      `"${columns[0].path[0].text}" is declared as ${typeName(type)}, and the ${side}'s format is ${format}.`,
      span,
      `FORMAT (${statement.keyFormat.text}, ${statement.valueFormat.text}) and the column have to agree.`,
    )
}

function columnType(column: ColumnDefinition): DataType {
  const { name, precision, scale, arrayDepth, span } = column.type
  let type = castType(name, precision, scale)
  if (type === undefined)
    throw new SqlError(
      'TYPE',
      `Unknown type "${name}".`,
      span,
      didYouMean(name, TYPE_NAMES) ?? `Types: ${TYPE_NAMES.join(', ')}.`,
    )
  const problem = decimalProblem(precision, scale)
  if (problem !== undefined) throw new SqlError('TYPE', problem, span)
  for (let i = 0; i < arrayDepth; i++) type = { kind: 'array', element: type }
  return type
}

interface Draft {
  readonly name: string
  nullable: boolean
  type: DataType | undefined
  readonly members: Draft[]
}

function structOf(columns: readonly ColumnDefinition[], side: 'key' | 'value'): StructType {
  const root: Draft[] = []
  for (const column of columns) {
    const steps = column.path[0].text === `_${side}` ? column.path.slice(1) : column.path
    let members = root
    steps.forEach((step, i) => {
      const last = i === steps.length - 1
      const known = members.find((m) => m.name === step.text)
      if (known !== undefined && (last || known.type !== undefined))
        throw new SqlError(
          'TYPE',
          `"${column.path.map((n) => n.text).join('.')}" is declared twice, or inside of a single value.`,
          column.span,
        )
      const draft = known ?? {
        name: step.text,
        nullable: last && column.nullable,
        type: last ? columnType(column) : undefined,
        members: [],
      }
      if (known === undefined) members.push(draft)
      members = draft.members
    })
  }
  return structFrom(root)
}

function structFrom(drafts: readonly Draft[]): StructType {
  return {
    kind: 'struct',
    fields: drafts.map((d) => ({ name: d.name, type: d.type ?? structFrom(d.members), nullable: d.nullable })),
  }
}

/** Lenses' own names first; anything else is Kafka's. */
function topicOf(statement: CreateTable): TopicToCreate {
  const config: Record<string, string> = {}
  let partitions = 1
  let replication = 1
  for (const { name, value, span } of statement.properties) {
    const count = (most: number): number => {
      if (!/^\d{1,5}$/.test(value) || Number(value) < 1 || Number(value) > most)
        throw new SqlError('VALUE', `${name} is a number from 1 to ${most}, not "${value}".`, span)
      return Number(value)
    }
    switch (name.toLowerCase()) {
      case 'partitions':
        partitions = count(MOST_PARTITIONS)
        break
      case 'replication':
        replication = count(MOST_REPLICAS)
        break
      case 'compacted':
        if (!/^(true|false)$/i.test(value))
          throw new SqlError('VALUE', `compacted is true or false, not "${value}".`, span)
        if (/^true$/i.test(value)) config['cleanup.policy'] = 'compact'
        break
      default:
        if (!name.includes('.'))
          throw new SqlError(
            'SETTING',
            `Unknown property "${name}".`,
            span,
            didYouMean(name, ['partitions', 'replication', 'compacted']) ??
              'Known are partitions, replication, compacted, and the settings of Kafka topics, such as retention.ms.',
          )
        config[name] = value
    }
  }
  return { name: statement.name.text, partitions, replication, config }
}

// ---------------------------------------------------------------------------------------------- SHOW CREATE TABLE

export async function showCreateTable(
  statement: ShowStatement,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const { catalog } = context.environment
  const name = statement.name as Name
  const view = await catalog.view?.(name.text)
  if (view !== undefined)
    return rowsOutput(
      'SHOW CREATE TABLE',
      ['table', 'statement'],
      [[name.text, `CREATE VIEW ${word(name.text)} AS ${view}`]],
    )
  const table = await catalog.table(name.text)
  if (table === undefined) throw await unknownTable(name, catalog)
  const text = createText(table, await administration.topic(table.topic), administration.objects.table(table.topic))
  return rowsOutput('SHOW CREATE TABLE', ['table', 'statement'], [[table.topic, text]])
}

function createText(table: Table, topic: TopicToCreate, declaration: TableDeclaration | undefined): string {
  const columns = [
    ...columnTexts('_key', table.key, declaration?.keyColumns),
    ...columnTexts('', table.value, declaration?.valueColumns),
  ]
  const { 'cleanup.policy': policy, ...config } = topic.config
  const properties = [`partitions = ${topic.partitions}`, `replication = ${topic.replication}`]
  if (policy === 'compact') properties.push('compacted = true')
  else if (policy !== undefined) properties.push(`'cleanup.policy' = '${policy}'`)
  for (const [key, value] of Object.entries(config)) properties.push(`'${key}' = '${value.replaceAll("'", "''")}'`)
  const list = columns.length === 0 ? '' : `(\n  ${columns.join(',\n  ')}\n)\n`
  return `CREATE TABLE ${word(table.topic)} ${list}FORMAT (${word(table.key.format)}, ${word(table.value.format)})\nPROPERTIES (${properties.join(', ')})${unread(topic)}`
}

/** A comment where the statement lacks what the topic is configured with. */
function unread({ unknownConfig }: TopicToCreate): string {
  return unknownConfig === undefined
    ? ''
    : `\n-- Further properties could not be read (this needs DESCRIBE_CONFIGS): ${unknownConfig.replaceAll(/\s+/g, ' ')}`
}

function columnTexts(prefix: string, facet: TableFacet, declared: StructType | undefined): string[] {
  const type = declared ?? facet.type
  if (type.kind === 'json') return []
  if (type.kind !== 'struct') return [`${prefix === '' ? '_value' : prefix} ${typeText(type)}`]
  return leaves(type).map(
    ([path, leaf]) =>
      `${[...(prefix === '' ? [] : [prefix]), ...path.split('.')].map(word).join('.')} ${typeText(leaf)}${isNullable(type, path) ? ' NULL' : ''}`,
  )
}

function isNullable(type: StructType, path: string): boolean {
  const [head, ...rest] = path.split('.')
  const field = type.fields.find((f) => f.name === head)
  return (
    field !== undefined &&
    (rest.length > 0 && field.type.kind === 'struct' ? isNullable(field.type, rest.join('.')) : field.nullable)
  )
}

/** As CREATE TABLE would take it; a map or a type of JSON's own has no word there. */
function typeText(type: DataType): string {
  return type.kind === 'array'
    ? `${typeText(type.element)}[]`
    : type.kind === 'map' || type.kind === 'json'
      ? 'string'
      : typeName(type)
}

function word(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name}\``
}
