/**
 * The thread of `checksums`: computes CRC-32C of the batches of an answer, the last one first, because the queries'
 * thread comes from the front.
 */
import { parentPort } from 'node:worker_threads'
import { type ChecksumJob, giveVerdict, takeBatch } from './checksums.ts'
import { BatchPlaces } from '../read/batch-index.ts'
import { AT, checksumFits } from '../read/record-batch.ts'

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
})
