/** Damaged bytes given to readers: they are bad or something else, but never an exception and never a hang. */
import assert from 'node:assert/strict'
import type { FacetDecoder } from '../../src/formats/format.ts'
import { type Asked, reader } from './driver.ts'

/** Where the damage is taken from, the same for the same seed. */
interface Chance {
  below(limit: number): number
  pick(items: readonly number[]): number
}

const TRIES = 20

/**
 * Reads what is asked, all of it, and nothing but whether it is good, of the bytes cut short and changed here and
 * there.
 */
export function readDamaged(decoder: FacetDecoder, asked: readonly Asked[], bytes: Uint8Array, chance: Chance): void {
  const readers = [
    reader(decoder, asked),
    reader(decoder, [{ path: [], parts: ['value', 'text'], type: decoder.type }]),
    reader(decoder, [], { validate: true }),
  ]
  for (let i = 0; i < TRIES; i++) {
    const damaged = Buffer.from(
      bytes.subarray(0, chance.below(3) === 0 ? chance.below(bytes.length + 1) : bytes.length),
    )
    for (let n = chance.below(4); n > 0 && damaged.length > 0; n--)
      damaged[chance.below(damaged.length)] = chance.pick([0, 1, 2, 127, 128, 255, chance.below(256)])
    for (const read of readers) {
      const got = read(damaged, chance.pick([0, 0, 9]))
      assert.ok(got === 'bad' || Array.isArray(got))
    }
  }
}
