/**
 * Schemas of AWS Glue's registry, from files: its own API needs the whole of AWS' request signing, and its schemas
 * never change under their id. It knows the frame that Glue's serializers write: a 3, a byte for the compression, and
 * the sixteen bytes of the schema version's id.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { SchemaType } from './registry.ts'

export interface GlueSchema {
  readonly type: SchemaType
  readonly text: string
}

/** Schemas by the id of their version, in lower case. */
export type GlueSchemas = ReadonlyMap<string, GlueSchema>

/** Bytes in front of the payload. */
export const GLUE_FRAME_BYTES = 18

const FILE = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.(avsc|json)$/i
/**
 * Limit `glue.schema.bytes` (bytes): one file of the folder of Glue schemas. Beyond it: the folder cannot be read; the
 * message says so.
 */
const LIMIT_BYTES = 4 << 20
/**
 * Limit `glue.schemas` (files): files in the folder of Glue schemas. Beyond it: the folder cannot be read; the message
 * says so.
 */
const LIMIT_FILES = 10_000

/**
 * Reads a folder of files named by the id of a schema version: `<id>.avsc` for Avro, `<id>.json` for JSON Schema.
 * Rejects with a sentence.
 */
export async function readGlueFolder(folder: string): Promise<GlueSchemas> {
  const names = await readdir(folder).catch((error: Error) => {
    throw new Error(`The folder of Glue schemas cannot be read: ${error.message}`)
  })
  const found = names.map((name) => FILE.exec(name)).filter((match) => match !== null)
  if (found.length > LIMIT_FILES)
    throw new Error(`The folder of Glue schemas holds more than glue.schemas = ${LIMIT_FILES} files.`)
  const schemas = new Map<string, GlueSchema>()
  for (const [name, id, kind] of found) {
    const file = path.join(folder, name)
    if ((await stat(file)).size > LIMIT_BYTES)
      throw new Error(`${name} is larger than glue.schema.bytes = ${LIMIT_BYTES}.`)
    schemas.set(id.toLowerCase(), {
      type: kind.toLowerCase() === 'avsc' ? 'AVRO' : 'JSON',
      text: await readFile(file, 'utf8'),
    })
  }
  return schemas
}

/** Whether the bytes begin like a Glue payload, plain or compressed with zlib. */
export function isGlueFrame(b: Uint8Array, from: number, to: number): boolean {
  return to - from >= GLUE_FRAME_BYTES && b[from] === 3 && (b[from + 1] === 0 || b[from + 1] === 5)
}
