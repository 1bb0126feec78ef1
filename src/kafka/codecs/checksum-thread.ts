/**
 * The thread of `checksums`: computes CRC-32C of the batches of an answer, the last one first, because the queries'
 * thread comes from the front.
 */
import { parentPort } from 'node:worker_threads'
import { type ChecksumJob, takeBatch, tellVerdict } from './checksums.ts'
import { BatchHeader, checksumFits } from '../read/record-batch.ts'

const header = new BatchHeader()

parentPort?.on('message', ({ memory, words, turn, regions }: ChecksumJob) => {
  const bytes = Buffer.from(memory)
  const view = new DataView(memory)
  const marks = new Int32Array(words)
  const places: number[] = []
  for (let i = 0; i < regions.length; i += 2) {
    // The memory may be written anew meanwhile: nothing that is found here is believed before the mark is set.
    for (let at = regions[i]; at < regions[i + 1] && header.open(view, at, regions[i + 1]); at += header.size)
      places.push(at, header.magic === 2 ? header.size : 0)
  }
  for (let i = places.length - 2; i >= 0; i -= 2) {
    const batch = i / 2
    const [at, size] = [places[i], places[i + 1]]
    // Old message formats have no such checksum; the queries' thread says so.
    if (size > 0 && takeBatch(marks, turn, batch))
      tellVerdict(marks, turn, batch, checksumFits(bytes, view, at, at + size))
  }
})
