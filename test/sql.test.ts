/** Runs every golden SQL file (`test/sql/**` + `.slt`) in memory. */
import { globSync } from 'node:fs'
import path from 'node:path'
import { goldenFile } from './support/golden.ts'

const folder = path.join(import.meta.dirname, 'sql')
for (const name of globSync('**/*.slt', { cwd: folder }).sort()) goldenFile(path.join(folder, name), name)
