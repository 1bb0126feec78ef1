/** `sluice query --export FILE`: the whole result as a file, by the server's own export. */
import { type FileHandle, open } from 'node:fs/promises'
import { extname } from 'node:path'
import { type ExportEnd, ExportError, exportFrom } from '../client/export-node.ts'
import { harmless } from './terminal.ts'

const ENDINGS: Readonly<Record<string, string>> = {
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.parquet': 'parquet',
  '.arrow': 'arrow',
  '.arrows': 'arrow',
}

export interface ExportFile {
  readonly url: string
  readonly token: string
  readonly environment: string | undefined
  readonly sql: string
  readonly file: string
  /** Without it the ending of the file says which. */
  readonly format: string | undefined
}

/** Writes the file, says on standard error what became of it, and sets the exit code: 0 when it is complete. */
export async function exportFile({ url, token, environment, sql, file, format }: ExportFile): Promise<void> {
  const wanted = format ?? ENDINGS[extname(file).toLowerCase()]
  if (wanted === undefined || wanted === 'table')
    throw new Error(
      `--export ${JSON.stringify(file)}: say the format with --format csv, ndjson, json, parquet or arrow.`,
    )
  let out: FileHandle | undefined
  const take = async (chunk: Buffer): Promise<void> => {
    out ??= await open(file, 'w')
    await out.writeFile(chunk)
  }
  try {
    const end = await exportFrom({ url, token, environment, body: { sql, format: wanted } }, take)
    process.stderr.write(`${harmless(sentence(end, file))}\n`)
    if (end.outcome !== 'complete') process.exitCode = 1
  } catch (cause) {
    if (!(cause instanceof ExportError)) throw cause
    process.stderr.write(`${harmless(cause.message)}\n`)
    process.exitCode = 1
  } finally {
    await out?.close()
  }
}

function sentence({ outcome, rows, error, stops = [] }: ExportEnd, file: string): string {
  const head = `${rows} row${rows === 1 ? '' : 's'} in ${file}`
  if (outcome === 'complete') return `${head}.`
  if (outcome === 'error') return `${head}, then: ${error ?? 'an error'}`
  const reasons = stops.map(({ limit, source, resume }) => {
    const on = resume === undefined ? '' : ` Read on with WHERE ${resume}`
    return `${source} was ended by ${limit}.${on}`
  })
  return `${head}; it is not complete: ${reasons.join(' ')}`
}
