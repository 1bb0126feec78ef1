import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { builtStudio, type StudioManifest } from '../../../scripts/build-studio.ts'

test('up to the rows of the first query, the page loads at most 250 kB, gzipped', async () => {
  const folder = await builtStudio()
  const { first, files } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as StudioManifest
  const size = (name: string) => gzipSync(readFileSync(join(folder, name))).length
  const whole = first.reduce((sum, name) => sum + size(name), 0)
  assert.ok(first.length > 3 && first.length < files.length)
  assert.ok(whole > 50_000 && whole <= 250_000, `${whole} bytes`)
})
