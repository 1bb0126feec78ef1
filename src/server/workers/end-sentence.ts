/** For which of its queries a thread ended, and what the users of all of them are told. */
import type { EndReason, Job } from './thread.ts'

/** A query that began so lately has hardly come to hold the memory of its thread. */
const YOUNG_MS = 1000
/** A query during which its thread came to hold less than this much more is not what filled the memory. */
const LITTLE_BYTES = 32 * 1024 * 1024

/**
 * Number of the job that is to blame, as far as that is known; 0 for none. It is the one that runs, or that ran last.
 * Memory takes time to fill: where that is short, a job that has just begun is not to blame for what stands beside it,
 * but of those the one that has used most processor time. Nor is one to blame for the server's memory that found the
 * thread full of what ended queries had left, and added little to it.
 */
export function guiltyOf(
  jobs: Iterable<Pick<Job, 'number' | 'startedMs' | 'processorMs' | 'foundBytes'>>,
  running: number,
  reason: EndReason,
  nowMs: number,
): number {
  if (reason.what === 'closed') return 0
  if (reason.what !== 'memory' && reason.what !== 'too large') return running
  const added = ({ foundBytes }: { readonly foundBytes: number }): number =>
    reason.what === 'memory' ? LITTLE_BYTES : reason.heldBytes - foundBytes
  const suspects = [...jobs].filter((job) => added(job) >= LITTLE_BYTES)
  if (suspects.length === 0) return 0
  const old = suspects.filter(({ startedMs }) => nowMs - startedMs >= YOUNG_MS)
  const likely = old.length > 0 ? old : suspects
  if (likely.some(({ number }) => number === running)) return running
  return likely.reduce((most, job) => (job.processorMs > most.processorMs ? job : most)).number
}

/** `guilty`: whether it was this query, as far as that is known, for which the thread ended. */
export function sentence(reason: EndReason, guilty: boolean): string {
  if (!guilty)
    return 'The query was ended together with the thread that it ran on: another query on it used too much, or it failed. Ask again.'
  switch (reason.what) {
    case 'memory':
      return 'The query was ended: its thread had no memory left (server.worker.heap). Ask for less at a time: filter with WHERE, name fewer columns, write a LIMIT.'
    case 'too large':
      return `The query was ended: the server held more than ${reason.limitBytes.toLocaleString('en')} bytes of memory (server.max.memory), and its thread most of that. Filter with WHERE, name fewer columns, write a LIMIT.`
    case 'stalled':
      return `The query was ended: a single step of it took more than ${reason.limitMs} ms (server.worker.stall.timeout). Use shorter texts and simpler patterns, or smaller records.`
    case 'closed':
      return 'The query was ended together with the thread that it ran on. Ask again.'
    case 'fault':
      return 'The query was ended by a fault of the thread that it ran on. The log of the server has the details. Ask again.'
  }
}
