/**
 * The group coordinator of the sandbox, with the clock held in the hand: joining, rebalancing, members that go silent,
 * committed offsets.
 */
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Clock } from '../../../src/lib/clock.ts'
import { ERROR } from '../../../src/sandbox/error-codes.ts'
import { GroupCoordinator, type JoinAnswer } from '../../../src/sandbox/groups.ts'

let time: number
let sweep: () => void
let groups: GroupCoordinator

const clock: Clock = {
  now: () => time,
  monotonic: () => time,
  after: () => ({ cancel: () => undefined }),
  every(_periodMs, run) {
    sweep = run
    return { cancel: () => undefined }
  },
}

beforeEach(() => {
  time = 0
  groups = new GroupCoordinator(clock)
})

const protocols = (...names: string[]) => names.map((name) => ({ name, metadata: Buffer.from(`${name} metadata`) }))

function join(memberId: string, more: Partial<Parameters<GroupCoordinator['join']>[0]> = {}): Promise<JoinAnswer> {
  return groups.join({
    ...{
      groupId: 'g',
      memberId,
      instanceId: null,
      clientId: 'c',
      sessionTimeoutMs: 1000,
      rebalanceTimeoutMs: 3000,
      protocolType: 'consumer',
    },
    ...{ protocols: protocols('range'), mayAskForId: false },
    ...more,
  })
}

/** A group of one member that has its assignment. */
async function settled(): Promise<JoinAnswer> {
  const joined = await join('')
  const synced = await groups.sync('g', joined.generationId, joined.memberId, [
    { memberId: joined.memberId, assignment: Buffer.from('all') },
  ])
  assert.equal(synced.assignment.toString(), 'all')
  return joined
}

describe('the group coordinator', () => {
  it('gives a first member an id before it may join', async () => {
    const asked = await join('', { mayAskForId: true })
    assert.equal(asked.errorCode, ERROR.memberIdRequired)
    const joined = await join(asked.memberId, { mayAskForId: true })
    assert.deepEqual(
      [joined.errorCode, joined.memberId, joined.leader, joined.generationId],
      [0, asked.memberId, asked.memberId, 1],
    )
    assert.deepEqual(
      joined.members.map((member) => member.metadata.toString()),
      ['range metadata'],
    )
    assert.equal((await join('somebody')).errorCode, ERROR.unknownMemberId)
    assert.equal((await join('', { groupId: '' })).errorCode, ERROR.invalidGroupId)
  })

  it('waits for all members in a rebalance, and for the leader in a sync', async () => {
    const first = await settled()
    const second = join('')
    assert.equal(groups.heartbeat('g', first.generationId, first.memberId), ERROR.rebalanceInProgress)
    const [one, two] = await Promise.all([join(first.memberId), second])
    assert.deepEqual([one.generationId, two.generationId, two.leader], [2, 2, first.memberId])
    assert.deepEqual([one.members.length, two.members.length], [2, 0])
    const follower = groups.sync('g', 2, two.memberId, [])
    const assignments = [one, two].map((member, i) => ({
      memberId: member.memberId,
      assignment: Buffer.from(`part ${i}`),
    }))
    assert.equal((await groups.sync('g', 2, one.memberId, assignments)).assignment.toString(), 'part 0')
    assert.equal((await follower).assignment.toString(), 'part 1')
    assert.equal(groups.heartbeat('g', 2, two.memberId), 0)
    assert.equal(groups.heartbeat('g', 1, two.memberId), ERROR.illegalGeneration)
  })

  it('lets a follower that joins again unchanged stay where it is', async () => {
    const first = await settled()
    const second = join('')
    const [one, two] = await Promise.all([join(first.memberId), second])
    await groups.sync('g', 2, one.memberId, [])
    assert.equal((await join(two.memberId)).generationId, 2)
    assert.equal(groups.group('g').state, 'Stable')
  })

  it('rebalances when a member leaves, and is empty when the last one does', async () => {
    const first = await settled()
    const second = join('')
    const [one, two] = await Promise.all([join(first.memberId), second])
    assert.equal(groups.leave('g', one.memberId, null), 0)
    assert.equal(groups.heartbeat('g', 2, two.memberId), ERROR.rebalanceInProgress)
    assert.deepEqual([(await join(two.memberId)).generationId, groups.group('g').leader], [3, two.memberId])
    assert.equal(groups.delete('g'), ERROR.nonEmptyGroup)
    groups.leave('g', two.memberId, null)
    assert.equal(groups.group('g').state, 'Empty')
    assert.equal(groups.leave('g', two.memberId, null), ERROR.unknownMemberId)
    assert.equal(groups.delete('g'), 0)
  })

  it('drops members that go silent, and those that miss a rebalance', async () => {
    const first = await settled()
    time = 900
    assert.equal(groups.heartbeat('g', 1, first.memberId), 0)
    time = 1800
    sweep()
    assert.equal(groups.heartbeat('g', 1, first.memberId), 0)
    const second = join('')
    time = 2700
    assert.equal(groups.heartbeat('g', 1, first.memberId), ERROR.rebalanceInProgress)
    time = 3900
    sweep()
    const alone = await second
    assert.deepEqual([alone.generationId, alone.leader], [2, alone.memberId])
    assert.equal(groups.heartbeat('g', 2, first.memberId), ERROR.unknownMemberId)
  })

  it('replaces a member of the same instance id', async () => {
    const first = await join('', { instanceId: 'i' })
    const again = await join('', { instanceId: 'i' })
    assert.notEqual(again.memberId, first.memberId)
    assert.equal(groups.group('g').members.size, 1)
    assert.equal(groups.leave('g', '', 'i'), 0)
  })

  it('wants a protocol that all know', async () => {
    await settled()
    assert.equal((await join('', { protocols: protocols('sticky') })).errorCode, ERROR.inconsistentGroupProtocol)
    assert.equal((await join('', { protocolType: 'connect' })).errorCode, ERROR.inconsistentGroupProtocol)
  })

  it('commits for members of the generation, and for anyone while nobody is there', async () => {
    const committed = { offset: 5, leaderEpoch: 0, metadata: null }
    assert.equal(groups.commit('g', -1, '', 't', 0, committed), 0)
    const first = await settled()
    assert.equal(groups.commit('g', -1, '', 't', 0, committed), ERROR.unknownMemberId)
    assert.equal(groups.commit('g', 7, first.memberId, 't', 0, committed), ERROR.illegalGeneration)
    assert.equal(groups.commit('g', 1, first.memberId, 't', 1, { ...committed, offset: 9 }), 0)
    assert.deepEqual(
      [...(groups.group('g').offsets.get('t') ?? [])].map(([partition, { offset }]) => [partition, offset]),
      [
        [0, 5],
        [1, 9],
      ],
    )
  })

  it('answers who waits when it closes', async () => {
    const first = await settled()
    const second = join('')
    groups.close()
    assert.equal((await second).errorCode, ERROR.coordinatorNotAvailable)
    assert.equal(groups.leave('g', first.memberId, null), 0)
  })
})
