/**
 * Changing groups of consumers, against answers that a healthy broker does not give. On brokers:
 * `consumer-change-cases.ts`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster } from '../../../src/kafka/cluster.ts'
import type { ApiRange } from '../../../src/kafka/wire/connection.ts'
import {
  commitOffsets,
  deleteGroup,
  deleteOffsets,
  groupAtCoordinator,
} from '../../../src/kafka/admin/group-changes.ts'
import { KafkaError } from '../../../src/kafka/log.ts'
import { WireReader, WireWriter } from '../../../src/kafka/wire/primitives.ts'

type Answers = Readonly<Record<string, (writer: WireWriter, version: number) => void>>

/**
 * A cluster of brokers 1 and 2 whose answers are written here. `asked` gets the names of the requests with the port
 * that they went to.
 */
function fakeCluster(answers: Answers, asked: string[], refusing: readonly number[] = []): Cluster {
  return {
    metadata: async () => ({ brokers: [1, 2].map((id) => ({ id, host: 'h', port: id })) }),
    lend: async ({ port }: { port: number }) => {
      if (refusing.includes(port))
        throw new KafkaError(-1, 'CONNECTION_REFUSED', `Broker h:${port}: connection refused`, true)
      return {
        call: async (
          range: ApiRange,
          write: (w: WireWriter, version: number) => void,
          read: (r: WireReader, version: number) => unknown,
        ) => {
          asked.push(`${range.name} ${port}`)
          write(new WireWriter(), range.highest)
          const writer = new WireWriter()
          answers[range.name](writer, range.highest)
          return read(new WireReader(writer.finish()), range.highest)
        },
      }
    },
    release: () => undefined,
  } as unknown as Cluster
}

const coordinator =
  (codes: number[], port = 2) =>
  (writer: WireWriter): void =>
    void writer
      .int32(0)
      .int16(codes.shift() ?? 0)
      .string(null)
      .int32(port)
      .string('h')
      .int32(port)
/** One partition's answer to OffsetCommit. */
const committed =
  (codes: number[]) =>
  (writer: WireWriter): void =>
    void writer
      .int32(0)
      .array(['t'], (topic) => writer.string(topic).array([0], (p) => writer.int32(p).int16(codes.shift() ?? 0)))

const START = new Map([['t', new Map([[0, 0]])]])

test('a coordinator that is being found, or has moved, is looked for again', async () => {
  const asked: string[] = []
  await commitOffsets(
    fakeCluster({ FindCoordinator: coordinator([15, 14]), OffsetCommit: committed([16]) }, asked),
    'g',
    START,
  )
  assert.deepEqual(asked, [
    'FindCoordinator 1',
    'FindCoordinator 1',
    'FindCoordinator 1',
    'OffsetCommit 2',
    'FindCoordinator 1',
    'OffsetCommit 2',
  ])
})

test('any broker that answers is asked for the coordinator', async () => {
  const asked: string[] = []
  await commitOffsets(
    fakeCluster({ FindCoordinator: coordinator([]), OffsetCommit: committed([]) }, asked, [1]),
    'g',
    START,
  )
  assert.deepEqual(asked, ['FindCoordinator 2', 'OffsetCommit 2'])
  await assert.rejects(commitOffsets(fakeCluster({}, [], [1, 2]), 'g', START), /connection refused/)
  await assert.rejects(
    commitOffsets(fakeCluster({ FindCoordinator: coordinator([], 1) }, [], [1]), 'g', START),
    /connection refused/,
  )
})

test('what the brokers refuse is said with the group and the place', async () => {
  const refusals = (answers: Answers) => fakeCluster({ FindCoordinator: coordinator([]), ...answers }, [])
  await assert.rejects(
    commitOffsets(fakeCluster({ FindCoordinator: coordinator([30]) }, []), 'g', START),
    /Coordinator of the group "g": not authorized for this group \(GROUP_AUTHORIZATION_FAILED\)/,
  )
  await assert.rejects(
    commitOffsets(refusals({ OffsetCommit: committed([25]) }), 'g', START),
    /Offset of the group "g" in "t" partition 0: the group is active: .* \(UNKNOWN_MEMBER_ID\)/,
  )
  const deleted = (group: number, partition: number) => (writer: WireWriter) =>
    void writer
      .int16(group)
      .int32(0)
      .array(group === 0 ? ['t'] : [], (topic) =>
        writer.string(topic).array([0], (p) => writer.int32(p).int16(partition)),
      )
  const partitions = new Map([['t', [0]]])
  await assert.rejects(
    deleteOffsets(refusals({ OffsetDelete: deleted(69, 0) }), 'g', partitions),
    /Offsets of the group "g": there is no such group/,
  )
  await assert.rejects(
    deleteOffsets(refusals({ OffsetDelete: deleted(0, 86) }), 'g', partitions),
    /in "t" partition 0: .* \(GROUP_SUBSCRIBED_TO_TOPIC\)/,
  )
  const gone = (writer: WireWriter) => void writer.int32(0).array(['g'], (id) => writer.string(id).int16(68))
  await assert.rejects(
    deleteGroup(refusals({ DeleteGroups: gone }), 'g'),
    /Group "g": the group is active: it has members \(NON_EMPTY_GROUP\)/,
  )
})

test('a group of another kind, or of another name, is none', async () => {
  const listed = (writer: WireWriter) =>
    void writer
      .int32(0)
      .int16(0)
      .array(['connect-cluster'], (id) => writer.string(id).string('connect'))
  const described = (writer: WireWriter) =>
    void writer.int32(0).array(['x'], (id) =>
      writer
        .int16(0)
        .string(id)
        .string('Dead')
        .string('')
        .string('')
        .array([], () => undefined),
    )
  const fetched = (writer: WireWriter) =>
    void writer
      .int32(0)
      .array([], () => undefined)
      .int16(0)
  for (const group of ['connect-cluster', 'g']) {
    const cluster = fakeCluster(
      { FindCoordinator: coordinator([]), ListGroups: listed, DescribeGroups: described, OffsetFetch: fetched },
      [],
    )
    assert.equal(await groupAtCoordinator(cluster, group), undefined)
  }
})
