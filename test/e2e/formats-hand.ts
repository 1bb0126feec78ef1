/**
 * Java's own writers and readers, driven from a test through one Java process that takes commands
 * (java/FormatsHand.java), and the Protobuf compiler.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { java } from '../../scripts/provision.ts'
import { apicurioLibraries, formatLibraries, protoc } from '../../scripts/provision-formats.ts'

export interface FormatsHand {
  /** The message that protobuf's JSON describes, as protobuf-java writes it. `set`: a compiled schema. */
  protobuf(set: Buffer, message: string, json: unknown): Promise<Buffer>
  /** Bytes as protobuf-java reads them, in protobuf's JSON. */
  read(set: Buffer, message: string, bytes: Uint8Array): Promise<unknown>
  /** A string key of Kafka Streams with its window, and which of 100 partitions it would put it into. */
  window(
    kind: 'TW' | 'SW',
    key: string,
    start: number,
    end: number,
  ): Promise<{ readonly bytes: Buffer; readonly partition: number }>
  close(): Promise<void>
}

/** Compiles .proto files (the first is the schema, the others are imported) to a descriptor set. */
export async function compileProto(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const { program, include } = await protoc()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-proto-'))
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const out = join(folder, 'set')
    await promisify(execFile)(program, [
      '-I',
      folder,
      '-I',
      include,
      '--include_imports',
      `--descriptor_set_out=${out}`,
      Object.keys(files)[0],
    ])
    return await readFile(out)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Starts the Java process. Throws `Unavailable` where the machine lacks what it takes. */
export async function formatsHand(): Promise<FormatsHand> {
  const { ask, close } = await startHand('FormatsHand.java', await formatLibraries())
  const bytesOf = async (command: object): Promise<Buffer> => Buffer.from((await ask(command)).bytes ?? '', 'base64')
  return {
    protobuf: (set, message, json) => bytesOf({ op: 'protobuf', set: set.toString('base64'), message, json }),
    read: async (set, message, bytes) =>
      (await ask({ op: 'read', set: set.toString('base64'), message, bytes: Buffer.from(bytes).toString('base64') }))
        .json,
    window: async (kind, key, start, end) => {
      const { bytes, partition } = await ask({ op: 'window', kind, key, start, end })
      return { bytes: Buffer.from(bytes ?? '', 'base64'), partition: partition ?? -1 }
    },
    close,
  }
}

export interface ApicurioHand {
  /**
   * A record, given in Avro's JSON, as Apicurio's serializer writes it; it registers the schema. `config`: settings of
   * the serializer.
   */
  serialize(record: {
    readonly config: Readonly<Record<string, string>>
    readonly topic: string
    readonly schema: string
    readonly json: unknown
    readonly key?: boolean
  }): Promise<{ readonly bytes: Buffer; readonly headers: readonly (readonly [string, Buffer])[] }>
  close(): Promise<void>
}

/**
 * Starts the Java process for a registry (`…/apis/registry/v2`). Throws `Unavailable` where the machine lacks what it
 * takes.
 */
export async function apicurioHand(registry: string): Promise<ApicurioHand> {
  const { ask, close } = await startHand('ApicurioHand.java', await apicurioLibraries())
  return {
    serialize: async ({ json, key, ...command }) => {
      const answer = await ask({ registry, ...command, key: key ?? false, json: JSON.stringify(json) })
      return {
        bytes: Buffer.from(answer.bytes ?? '', 'base64'),
        headers: (answer.headers ?? []).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
      }
    },
    close,
  }
}

/** A Java process, run from source, that answers each command, a line of JSON, with a line of JSON. */
async function startHand(
  program: string,
  libraries: string,
): Promise<{ ask(command: object): Promise<Answer>; close(): Promise<void> }> {
  const source = join(import.meta.dirname, 'java', program)
  const quick = [
    '-Xmx256m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  ]
  const child = spawn(await java(), [...quick, '-cp', join(libraries, '*'), source], {
    cwd: dirname(source),
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = []
  createInterface(child.stdout).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line) as Answer))
  const ended = new Promise<void>((resolve) =>
    child.once('close', (code) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`the Java process ended with code ${code}`))
      resolve()
    }),
  )
  return {
    ask: async (command) => {
      const answer = await new Promise<Answer>((resolve, reject) => {
        waiting.push({ resolve, reject })
        child.stdin.write(`${JSON.stringify(command)}\n`)
      })
      if (answer.error !== undefined) throw new Error(answer.error)
      return answer
    },
    close: async () => {
      child.stdin.end()
      await ended
    },
  }
}

interface Answer {
  readonly error?: string
  readonly bytes?: string
  readonly partition?: number
  readonly headers?: readonly (readonly [string, string])[]
  readonly json?: unknown
}
