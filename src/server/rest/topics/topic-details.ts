/**
 * One topic as a person looks at it: how its keys and values are written and why that is known, their types as trees,
 * where its partitions lie and how many bytes they take, what the account may do with it. Reads only.
 */
import { bytesOnDisk } from '../../../kafka/admin/log-dirs.ts'
import { MAX_FIELDS } from '../../../plan/bind/virtual-tables.ts'
import { RIGHTS } from '../../../plan/administration.ts'
import type { Table, TableFacet } from '../../../plan/catalog.ts'
import { type DataType, type StructType, typeName } from '../../../types.ts'
import { CONNECTION, noteOf } from './dataset-list.ts'
import type { Schema } from '../openapi.ts'
import type { Call, Route } from '../route.ts'
import { schemaOf } from './topic-json.ts'
import { sizesOf, tableOf } from './topic-sizes.ts'

/** Not a limit: structures within structures, as in the lists of fields (`fields.max.depth`). */
const MAX_DEPTH = 32

const FACET: Schema = {
  type: 'object',
  required: ['format', 'origin', 'detail', 'type', 'schema'],
  properties: {
    format: { type: 'string' },
    origin: { type: 'string', enum: ['configured', 'declared', 'registry', 'sampled', 'default'] },
    detail: { type: 'string' },
    unreadable: { type: ['string', 'null'] },
    type: { type: 'object' },
    schema: { type: ['string', 'null'] },
  },
}
const DETAILS: Schema = {
  type: 'object',
  required: ['name', 'key', 'value', 'partitions', 'bytes', 'isCompacted', 'timestamps', 'rights'],
  properties: {
    name: { type: 'string' },
    connectionName: { type: 'string' },
    description: { type: ['string', 'null'] },
    tags: { type: 'array', items: { type: 'object' } },
    key: FACET,
    value: FACET,
    isCompacted: { type: 'boolean' },
    timestamps: { type: 'string' },
    rights: { type: 'array', items: { type: 'string' } },
    bytes: { type: ['integer', 'null'] },
    partitions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['partition', 'begin', 'end', 'leader', 'replicas', 'inSync', 'bytes'],
        properties: {
          partition: { type: 'integer' },
          begin: { type: 'integer' },
          end: { type: 'integer' },
          leader: { type: ['integer', 'null'] },
          replicas: { type: 'array', items: { type: 'integer' } },
          inSync: { type: 'array', items: { type: 'integer' } },
          bytes: { type: ['integer', 'null'] },
        },
      },
    },
  },
}

/** The call about all that is known of one topic. */
export const DETAIL_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/kafka/topics/{topic}/details',
    id: 'topicDetails',
    about:
      'One topic: formats and how they were found, types as trees, partitions with leader, replicas and bytes on disk (null where Kafka does not tell Sluice), and the rights of the account.',
    answer: DETAILS,
    run: async (call) => ({ json: await details(call, await tableOf(call, call.params['topic'])) }),
  },
]

async function details(call: Call, table: Table): Promise<object> {
  const [partitions, isKnown] = await partitionsOf(call, table)
  const { administration } = call.view
  return {
    name: table.name,
    connectionName: CONNECTION,
    ...noteOf(call, table.topic),
    key: facet(table.key),
    value: facet(table.value),
    isCompacted: table.compacted,
    timestamps: table.timestampType,
    rights: administration === undefined ? ['read'] : RIGHTS.filter((right) => administration.may(right, table.topic)),
    bytes: isKnown ? partitions.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) : null,
    partitions,
  }
}

interface Partition {
  readonly partition: number
  readonly begin: number
  readonly end: number
  readonly leader: number | null
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
  /** Of the leader's replica. */
  readonly bytes: number | null
}

/** And whether the bytes of all of them are known. */
async function partitionsOf(call: Call, table: Table): Promise<[Partition[], boolean]> {
  const { cluster } = call.environment
  const [sizes, metadata, disks] = await Promise.all([
    sizesOf(call, table.topic, table.partitions),
    cluster?.topic(table.topic, { signal: call.signal }),
    cluster && bytesOnDisk(cluster, new Map([[table.topic, table.partitions]]), call.signal),
  ])
  const places = new Map((metadata?.partitions ?? []).map((place) => [place.partition, place]))
  const partitions = sizes.messagesPerPartition.map(({ partition, begin, end }): Partition => {
    const { leader = -1, replicas = [], inSync = [] } = places.get(partition) ?? {}
    const bytes = disks?.get(table.topic)?.get(partition)?.get(leader) ?? null
    return { partition, begin, end, leader: leader < 0 ? null : leader, replicas, inSync, bytes }
  })
  return [partitions, partitions.every(({ bytes }) => bytes !== null)]
}

function facet(of: TableFacet): object {
  const { format, origin, detail, unreadable, declared, type } = of
  return {
    format,
    origin,
    detail,
    unreadable: unreadable ?? null,
    type: tree(declared ?? type, { fields: MAX_FIELDS }, []),
    schema: schemaOf(of),
  }
}

/** A type as JSON. A structure met inside itself, and what is beyond the limits, has no fields and says `cut`. */
function tree(type: DataType, room: { fields: number }, inside: readonly StructType[]): object {
  const named = { kind: type.kind, text: typeName(type) }
  if (type.kind === 'array') return { ...named, element: tree(type.element, room, inside) }
  if (type.kind === 'map') return { ...named, value: tree(type.value, room, inside) }
  if (type.kind !== 'struct') return named
  if (inside.includes(type) || inside.length > MAX_DEPTH) return { ...named, fields: [], cut: true }
  const around = [...inside, type]
  const fields = []
  for (const { name, type: of, nullable, doc } of type.fields) {
    if (--room.fields < 0) return { ...named, fields, cut: true }
    fields.push({ name, nullable, ...(doc === undefined ? {} : { doc }), type: tree(of, room, around) })
  }
  return { ...named, fields }
}
