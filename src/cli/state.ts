/**
 * `sluice state export` and `import`: the objects of a store as lines of JSON on standard output, and from standard
 * input into a store.
 */
import { ConfigError, loadConfig } from '../server/config/config.ts'
import type { Overrides } from '../server/config/overrides.ts'
import { createLog } from '../server/log.ts'
import { openNamed, type StoreName } from '../server/open-state.ts'
import { exportedLines, importLines, leftOut } from '../server/state-transfer.ts'
import { readStandardInput } from './terminal.ts'

export async function state(what: 'export' | 'import', given: Record<string, unknown>): Promise<void> {
  const {
    config: file,
    store: name,
    overwrite,
    ...overrides
  } = given as Overrides & {
    config?: string
    store?: StoreName
    overwrite?: boolean
  }
  const sources = { file: file ?? process.env.SLUICE_CONFIG, env: process.env, overrides }
  const config = await loadConfig(sources).catch((cause: unknown) => {
    if (cause instanceof ConfigError) throw new Error(cause.message)
    throw cause
  })
  // A copy of what is not there would be an empty one.
  const store = await openNamed(config, name, createLog('silent'), what === 'import')
  try {
    if (what === 'export') {
      for (const line of exportedLines(store)) process.stdout.write(`${line}\n`)
      const lacking = leftOut(store)
      if (lacking === undefined) return
      process.stderr.write(`The copy is not whole. ${lacking}\n`)
      process.exitCode = 1
      return
    }
    const { written, same } = await importLines(store, await readStandardInput(), overwrite === true)
    process.stderr.write(`${written} objects were imported, ${same} were there already.\n`)
  } finally {
    store.close()
  }
}
