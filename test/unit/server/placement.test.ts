/** Which waiting request runs next and where: with threads that are only counted, and a clock that the test sets. */
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Clock } from '../../../src/lib/clock.ts'
import { readConfig } from '../../../src/server/config/config.ts'
import { Placement } from '../../../src/server/workers/placement.ts'
import { ProcessorShares } from '../../../src/server/workers/shares.ts'
import type { Job, WorkerThread } from '../../../src/server/workers/thread.ts'

const { limits } = await readConfig({
  environments: [{ name: 'demo', kafka: { brokers: ['127.0.0.1:9092'] } }],
  users: [{ name: 'anna', password: 'secret', permissions: [] }],
  limits: { 'server.workers': 2, 'server.worker.queries': 2 },
})

let now: number
let threads: Set<WorkerThread>
let shares: ProcessorShares
let placement: Placement
let number: number

const clock = { monotonic: () => now } as Clock

beforeEach(() => {
  now = 1000
  number = 0
  threads = new Set()
  shares = new ProcessorShares(clock, 50)
  placement = new Placement(threads, { limits, clock }, shares)
})

function thread(): WorkerThread {
  const jobs = new Map<number, Job>()
  const made = {
    jobs,
    helping: new Map(),
    ready: true,
    ending: false,
    stalledLooks: 0,
    get idle() {
      return jobs.size === 0
    },
    get active() {
      return [...jobs.values()].filter(({ resting }) => !resting).length
    },
  } as unknown as WorkerThread
  threads.add(made)
  return made
}

function job(account: string): Job {
  number++
  return {
    number,
    view: { account: { kind: 'user', name: account } },
    tries: 0,
    resting: false,
    startedMs: now,
  } as unknown as Job
}

/** Lets everything run that finds a place; the accounts in the order in which they did. */
function run(): string[] {
  const order: string[] = []
  for (let next = placement.next(); next !== undefined; next = placement.next()) {
    const on = next.place.on === 'new' ? thread() : next.place.on
    next.job.startedMs = now
    on.jobs.set(next.job.number, next.job)
    order.push(next.job.view.account.name)
    // As the pool does: the next one shall find a thread without work.
    if (threads.size < 2 && [...threads].every(({ idle }) => !idle)) thread()
  }
  return order
}

function ask(...accounts: string[]): Job[] {
  const jobs = accounts.map(job)
  for (const one of jobs) placement.wait(one)
  return jobs
}

function end(done: Job): void {
  for (const { jobs } of threads) jobs.delete(done.number)
}

describe('places of threads', () => {
  it('are few; who waits runs when one ends, the account with the fewest first', () => {
    const [first] = ask('anna', 'anna', 'ben', 'ben', 'anna', 'anna', 'ben')
    // An account keeps to half of the threads, and each has two places.
    assert.deepEqual(run(), ['anna', 'ben', 'anna', 'ben'])
    assert.equal(placement.waiting, 3)
    ask('cleo')
    end(first)
    assert.deepEqual(run(), ['cleo'])
  })

  it('are not taken by what stands still', () => {
    const jobs = ask('anna', 'anna', 'ben', 'ben')
    run()
    ask('cleo')
    assert.deepEqual(run(), [])
    jobs[0].resting = true
    assert.deepEqual(run(), ['cleo'])
  })

  it('are not held for ever by what goes on for ever', () => {
    ask('anna', 'anna', 'ben', 'ben')
    run()
    ask('cleo', 'dora')
    assert.deepEqual(run(), [])
    now += 6000
    assert.deepEqual(run(), ['cleo', 'dora'])
    ask('anna')
    assert.deepEqual(run(), [], 'the new ones are new')
  })

  it('are there at once for whom had hardly anything of the processor', () => {
    shares.add('user anna', 4000)
    shares.add('user ben', 4000)
    const accounts = [...'abcdefgh'].map((letter) => `light-${letter}`)
    ask('anna', 'anna', 'ben', 'ben')
    run()
    ask('anna', ...accounts)
    assert.deepEqual(run(), accounts.slice(0, 4), 'twice the places, not more')
  })

  it('the least of the processor comes first among those that have as many running', () => {
    const [held] = ask('dora', 'dora', 'emil', 'emil')
    run()
    for (const [account, ms] of Object.entries({ anna: 3000, ben: 2000, cleo: 2500 })) shares.add(`user ${account}`, ms)
    ask('anna', 'cleo', 'ben')
    end(held)
    assert.deepEqual(run(), ['ben'])
  })

  it('leave the last idle thread to whom has nothing running, while another can be started', () => {
    const [idle, other] = [thread(), thread()]
    const three = new Placement(threads, { limits: { ...limits, 'server.workers': 4 }, clock }, shares)
    const first = job('anna')
    other.jobs.set(first.number, first)
    three.wait(job('anna'))
    assert.equal(three.next()?.place.on, other)
    three.wait(job('ben'))
    assert.equal(three.next()?.place.on, idle)
  })
})

describe('what is begun anew', () => {
  it('stays on the half of the threads that its account has, and gets a free one below that', () => {
    placement = new Placement(threads, { limits: { ...limits, 'server.workers': 4 }, clock }, shares)
    const [first, second, third, fourth] = [thread(), thread(), thread(), thread()]
    const hold = (on: WorkerThread, account: string): Job => {
      const its = job(account)
      on.jobs.set(its.number, its)
      return its
    }
    const again = (account: string): WorkerThread | 'new' | undefined => {
      placement.wait({ ...job(account), tries: 1 })
      return placement.next()?.place.on
    }
    hold(first, 'mallory')
    // One of four: it may have a thread for itself.
    assert.ok([second, third, fourth].includes(again('mallory') as WorkerThread))
    hold(second, 'mallory')
    // The half: the two others are for whoever comes.
    assert.ok([first, second].includes(again('mallory') as WorkerThread))
    assert.ok([third, fourth].includes(again('anna') as WorkerThread))
  })
})
