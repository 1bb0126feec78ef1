/** What the users of a thread that ended are told. */
import type { EndReason } from './thread.ts'

/** `guilty`: whether it was this query, as far as that is known, for which the thread ended. */
export function sentence(reason: EndReason, guilty: boolean): string {
  if (!guilty)
    return 'The query was ended together with the thread that it ran on: another query on it used too much, or it failed. Ask again.'
  switch (reason.what) {
    case 'memory':
      return 'The query was ended: its thread had no memory left (server.worker.heap). Ask for less at a time: filter with WHERE, name fewer columns, write a LIMIT.'
    case 'too large':
      return `The query was ended: the server held more than ${reason.limitBytes.toLocaleString('en')} bytes of memory (server.max.memory), and most of it for this query. Filter with WHERE, name fewer columns, write a LIMIT.`
    case 'stalled':
      return `The query was ended: a single step of it took more than ${reason.limitMs} ms (server.worker.stall.timeout). Use shorter texts and simpler patterns, or smaller records.`
    case 'closed':
      return 'The query was ended together with the thread that it ran on. Ask again.'
    case 'fault':
      return 'The query was ended by a fault of the thread that it ran on. The log of the server has the details. Ask again.'
  }
}
