/**
 * The thread of `checksums`: computes CRC-32C of the batches of an answer, the last one first, because the queries'
 * thread comes from the front.
 */
import { parentPort } from 'node:worker_threads'
import { type ChecksumJob, giveVerdict, takeBatch } from './checksums.ts'
import { BatchPlaces } from '../read/batch-index.ts'
import { AT, checksumFits } from '../read/record-batch.ts'

/** Answers after which what is left of earlier ones is collected, where the server has switched that on. */
const COLLECTED_ANSWERS = 64
let answers = 0

/** Each message brings a hold on the memory of its frame, which a thread without garbage to speak of would keep. */
function collectHolds(): void {
  const { gc } = globalThis as { gc?: (options: { readonly type: 'minor' }) => void }
  if (++answers % COLLECTED_ANSWERS === 0) gc?.({ type: 'minor' })
}

parentPort?.on('message', ({ memory, words, turn, places, batches }: ChecksumJob) => {
  const bytes = Buffer.from(memory)
  const view = new DataView(memory)
  const marks = new Int32Array(words)
  const index = new BatchPlaces(places)
  for (let batch = batches - 1; batch >= 0; batch--) {
    const start = index.start(batch)
    const end = index.end(batch)
    // Old message formats have no such checksum; the queries' thread says so. The frame and its index may be filled
    // with the next answer meanwhile: then the verdict is dropped, but no place may lead outside of the memory.
    if (index.magic(batch) !== 2 || end - start < AT.records || !takeBatch(marks, turn, batch)) continue
    giveVerdict(marks, turn, batch, checksumFits(bytes, view, start, end))
  }
  collectHolds()
})
