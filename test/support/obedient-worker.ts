/**
 * A worker as the server starts it, that also does what statements say in a comment: `SPIN` keeps the thread for ever,
 * `FILL` takes memory for ever, `THROW` throws outside of any query. What a query could do in spite of all limits.
 */
import { parentPort } from 'node:worker_threads'
import { there } from '../../src/lib/assert.ts'
import type { ToWorker } from '../../src/server/workers/messages.ts'
import '../../src/server/workers/worker.ts'

// The worker's own listener comes first: the query has begun.
there(parentPort, 'a worker has a port').on('message', (message: ToWorker) => {
  const isCall = message.kind === 'call'
  if (!isCall && message.kind !== 'run') return
  const { sql } = isCall ? (message.input as { sql: string }) : message.request
  if (sql.includes('/* SPIN */')) for (;;);
  if (sql.includes('/* FILL */')) for (const held: object[] = []; ; ) held.push({ n: held.length })
  if (sql.includes('/* THROW */')) throw new Error('thrown on purpose')
})
