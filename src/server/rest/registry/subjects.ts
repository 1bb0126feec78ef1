/**
 * Subjects of the schema registry as lenses-cli 5.x reads and changes them: as datasets of the connection
 * "schema-registry", and by `/api/v1/sr/default`. Answers come from the registry at that moment. Rights are
 * those on the topic of a subject, as in `registry-proxy.ts`; a subject that may not be seen does not exist.
 */
import { askRegistry, json, topicOf, wholeRegistry } from './registry-proxy.ts'
import type { Schema } from '../openapi.ts'
import { bodyObject, type Call, demand, field, isText, RestError, type Route } from '../route.ts'

/** The name under which clients know the registry as a connection. */
export const REGISTRY_CONNECTION = 'schema-registry'

const TYPES = ['AVRO', 'JSON', 'PROTOBUF']
const LEVELS = ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE']

/** Without the schema, which a list of many would be long with. */
export const LISTED_SUBJECT: Schema = {
  type: 'object',
  required: [
    'name',
    'connectionName',
    'sourceType',
    'format',
    'version',
    'compatibility',
    'isSystemEntity',
    'permissions',
    'description',
    'tags',
  ],
  properties: {
    name: { type: 'string' },
    connectionName: { type: 'string' },
    sourceType: { type: 'string' },
    format: { type: 'string' },
    version: { type: 'integer' },
    compatibility: { type: 'string' },
    isSystemEntity: { type: 'boolean' },
    permissions: { type: 'array', items: { type: 'string' } },
    description: { type: 'null' },
    tags: { type: 'array', items: { type: 'object' } },
  },
}
/** JSON Schema of a subject with its schema. */
export const SUBJECT: Schema = {
  ...LISTED_SUBJECT,
  required: [...(LISTED_SUBJECT['required'] as string[]), 'schema', 'schemaId', 'references'],
  properties: {
    ...(LISTED_SUBJECT['properties'] as Schema),
    schema: { type: 'string' },
    // The CLI has a text here, as not every registry has numbers.
    schemaId: { type: 'string' },
    references: {
      type: 'array',
      items: {
        type: 'object',
        required: ['schemaName', 'subjectName', 'version'],
        properties: { schemaName: { type: 'string' }, subjectName: { type: 'string' }, version: { type: 'integer' } },
      },
    },
  },
}

/** The newest version of a subject. */
export interface Newest {
  readonly format: string
  readonly version: number
  readonly id: number
  readonly schema: string
  readonly references: readonly {
    readonly schemaName: string
    readonly subjectName: string
    readonly version: number
  }[]
}

/** Names of the subjects that the account may see, in order. */
export async function subjectNames(call: Call): Promise<string[]> {
  const names = await answerOf(call, 'GET', ['subjects'])
  if (!Array.isArray(names))
    throw new RestError(502, 'The schema registry answered something else than a list of subjects.')
  return names
    .filter(
      (name): name is string =>
        typeof name === 'string' && call.view.administration?.may('read', topicOf(name)) === true,
    )
    .sort()
}

/** undefined when the subject is not there (any more). */
export async function newestOf(call: Call, subject: string): Promise<Newest | undefined> {
  const told = await answerOf(call, 'GET', ['subjects', subject, 'versions', 'latest'])
  if (told === undefined) return undefined
  const { schemaType = 'AVRO', version, id, schema, references = [] } = told as Record<string, unknown>
  if (
    typeof schemaType !== 'string' ||
    typeof version !== 'number' ||
    typeof id !== 'number' ||
    typeof schema !== 'string' ||
    !Array.isArray(references)
  )
    throw new RestError(
      502,
      `The schema registry's answer about the subject ${JSON.stringify(subject)} makes no sense.`,
    )
  return {
    format: schemaType,
    version,
    id,
    schema,
    references: references.map((r: Record<string, unknown>) => ({
      schemaName: String(r['name']),
      subjectName: String(r['subject']),
      version: Number(r['version']),
    })),
  }
}

/** The level that counts for a subject: its own, or that of the registry. */
export async function compatibilityOf(call: Call, subject: string): Promise<string> {
  const own = await answerOf(call, 'GET', ['config', subject])
  return level(own ?? (await answerOf(call, 'GET', ['config'])))
}

function level(told: unknown): string {
  const { compatibilityLevel } = (told ?? {}) as { compatibilityLevel?: unknown }
  return typeof compatibilityLevel === 'string' ? compatibilityLevel : ''
}

/** A subject as an entry of the list of datasets. */
export function listedSubject(name: string, { format, version }: Newest, compatibility: string): object {
  const none = { isSystemEntity: false, permissions: [], description: null, tags: [] }
  return {
    name,
    connectionName: REGISTRY_CONNECTION,
    sourceType: 'SchemaRegistrySubject',
    format,
    version,
    compatibility,
    ...none,
  }
}

/**
 * One subject with its newest schema, as `SUBJECT` describes it. Rejects with 404 when the account may not see it or it
 * does not exist.
 */
export async function subjectJson(call: Call, name: string): Promise<object> {
  const hidden = call.view.administration?.may('read', topicOf(name)) !== true
  const [newest, compatibility] = hidden
    ? [undefined, '']
    : await Promise.all([newestOf(call, name), compatibilityOf(call, name)])
  if (newest === undefined) throw new RestError(404, `There is no subject ${JSON.stringify(name)}.`)
  return {
    ...listedSubject(name, newest, compatibility),
    schema: newest.schema,
    schemaId: String(newest.id),
    references: newest.references,
  }
}

/** What the registry answers, as JSON; undefined for not-found. Its refusals are passed on in its words. */
async function answerOf(
  call: Call,
  method: Route['method'],
  path: readonly string[],
  body?: unknown,
): Promise<unknown> {
  const { status, body: text } = await askRegistry(call, method, path, body)
  if (status === 404) return undefined
  const told = json(text)
  if (status < 300) return told
  const { message } = (told ?? {}) as { message?: unknown }
  const why = typeof message === 'string' ? message : `The schema registry answered with status ${status}.`
  throw new RestError(status === 409 ? 409 : status === 400 || status === 422 ? 400 : 502, why)
}

/** As the CLI's help spells them (BACKWARDS) and as registries do. */
function levelIn(call: Call): string {
  const given = field(bodyObject(call), 'compatibility', isText, `one of ${LEVELS.join(', ')}`)
  const name = given.toUpperCase().replace(/^(BACKWARD|FORWARD)S/, '$1')
  if (LEVELS.includes(name)) return name
  throw new RestError(
    400,
    `The field "compatibility" must be one of ${LEVELS.join(', ')}; it is ${JSON.stringify(given.slice(0, 100))}.`,
    [{ field: 'compatibility', error: 'unknown level' }],
  )
}

function typeIn(format: unknown): string {
  const name = format === undefined ? 'AVRO' : typeof format === 'string' ? format.toUpperCase() : ''
  if (!TYPES.includes(name))
    throw new RestError(400, `The field "format" must be one of ${TYPES.join(', ')}.`, [
      { field: 'format', error: 'unknown format' },
    ])
  return name
}

/** A change of a subject that has to be there. */
async function changed(
  call: Call,
  method: Route['method'],
  path: readonly string[],
  what: string,
  body?: unknown,
): Promise<void> {
  if ((await answerOf(call, method, path, body)) === undefined) throw new RestError(404, `There is no ${what}.`)
  call.view.administration?.forget(topicOf(call.params['name'] ?? ''))
}

const COMPATIBILITY: Schema = {
  type: 'object',
  required: ['compatibility'],
  properties: { compatibility: { type: 'string' } },
}

/** The calls about subjects of the registry. */
export const SUBJECT_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/sr/default/config',
    id: 'registryCompatibility',
    about: 'The compatibility that counts for subjects without one of their own.',
    answer: COMPATIBILITY,
    run: async (call) => ({ json: { compatibility: level(await answerOf(call, 'GET', ['config'])) } }),
  },
  {
    method: 'PUT',
    path: '/api/v1/sr/default/config',
    id: 'setRegistryCompatibility',
    about: 'Sets the compatibility that counts for subjects without one of their own.',
    body: COMPATIBILITY,
    run: async (call) => {
      await wholeRegistry(call, 'PUT')
      await changed(call, 'PUT', ['config'], 'such setting', { compatibility: levelIn(call) })
      return {}
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/sr/default/subject/{name}/config',
    id: 'setCompatibility',
    about: 'Sets the compatibility of a subject.',
    body: COMPATIBILITY,
    run: async (call) => {
      const { name } = call.params
      demand(call, 'drop', topicOf(name))
      await changed(call, 'PUT', ['config', name], `subject ${JSON.stringify(name)}`, { compatibility: levelIn(call) })
      return {}
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/sr/default/subject/{name}/current-version',
    id: 'writeSchema',
    about: 'Registers a schema as the newest version of a subject, which comes into being with the first one.',
    body: {
      type: 'object',
      required: ['schema'],
      properties: { format: { type: 'string', enum: TYPES }, schema: { type: 'string' } },
    },
    answer: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } },
    run: async (call) => {
      const { name } = call.params
      demand(call, 'create', topicOf(name))
      const body = bodyObject(call)
      const [type, schema] = [typeIn(body['format']), field(body, 'schema', isText, 'the text of a schema')]
      const told = await answerOf(call, 'POST', ['subjects', name, 'versions'], {
        ...(type === 'AVRO' ? {} : { schemaType: type }),
        schema,
      })
      call.view.administration?.forget(topicOf(name))
      const { id } = (told ?? {}) as { id?: unknown }
      if (!Number.isInteger(id))
        throw new RestError(
          502,
          'The schema registry did not say under which id it has registered the schema, if it has.',
        )
      return { json: { id } }
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/sr/default/subject/{name}/version/{version}',
    id: 'deleteSchemaVersion',
    about: 'Takes a version of a subject away, in the way that can be undone.',
    status: 204,
    run: async (call) => {
      const { name, version } = call.params
      demand(call, 'drop', topicOf(name))
      if (!/^(?:\d{1,9}|latest)$/.test(version))
        throw new RestError(
          400,
          `The version must be a whole number or "latest"; it is ${JSON.stringify(version.slice(0, 100))}.`,
          [{ field: 'version', error: 'not a number' }],
        )
      await changed(
        call,
        'DELETE',
        ['subjects', name, 'versions', version],
        `version ${version} of the subject ${JSON.stringify(name)}`,
      )
      return {}
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/sr/default/subject/{name}',
    id: 'deleteSubject',
    about: 'Takes a subject away with all its versions, in the way that can be undone.',
    status: 204,
    run: async (call) => {
      const { name } = call.params
      demand(call, 'drop', topicOf(name))
      await changed(call, 'DELETE', ['subjects', name], `subject ${JSON.stringify(name)}`)
      return {}
    },
  },
]
