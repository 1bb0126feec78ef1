/** Java's own writers and readers, driven from a test through one Java process that takes commands (java/FormatsHand.java), and the Protobuf compiler. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { java } from '../../scripts/provision.ts'
import { formatLibraries, protoc } from '../../scripts/provision-formats.ts'

export interface FormatsHand {
  /** The message that protobuf's JSON describes, as protobuf-java writes it. `set`: a compiled schema. */
  protobuf(set: Buffer, message: string, json: unknown): Promise<Buffer>
  /** Bytes as protobuf-java reads them, in protobuf's JSON. */
  read(set: Buffer, message: string, bytes: Uint8Array): Promise<unknown>
  /** A string key of Kafka Streams with its window. */
  window(kind: 'TW' | 'SW', key: string, start: number, end: number): Promise<Buffer>
  close(): Promise<void>
}

/** Compiles .proto files (the first is the schema, the others are imported) to a descriptor set. */
export async function compileProto(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const { program, include } = await protoc()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-proto-'))
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    const out = join(folder, 'set')
    await promisify(execFile)(program, ['-I', folder, '-I', include, '--include_imports', `--descriptor_set_out=${out}`, Object.keys(files)[0]])
    return await readFile(out)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Starts the Java process. Throws `Unavailable` where the machine lacks what it takes. */
export async function formatsHand(): Promise<FormatsHand> {
  const [javaFile, libraries] = await Promise.all([java(), formatLibraries()])
  const source = join(import.meta.dirname, 'java', 'FormatsHand.java')
  const quick = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']
  const child = spawn(javaFile, [...quick, '-cp', join(libraries, '*'), source], { cwd: dirname(source), stdio: ['pipe', 'pipe', 'ignore'] })
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = []
  createInterface(child.stdout).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line) as Answer))
  const ended = new Promise<void>((resolve) =>
    child.once('close', (code) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`the Java process ended with code ${code}`))
      resolve()
    }),
  )
  const ask = async (command: object): Promise<Answer> => {
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.push({ resolve, reject })
      child.stdin.write(`${JSON.stringify(command)}\n`)
    })
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  }
  const bytesOf = async (command: object): Promise<Buffer> => Buffer.from((await ask(command)).bytes ?? '', 'base64')
  return {
    protobuf: (set, message, json) => bytesOf({ op: 'protobuf', set: set.toString('base64'), message, json }),
    read: async (set, message, bytes) => (await ask({ op: 'read', set: set.toString('base64'), message, bytes: Buffer.from(bytes).toString('base64') })).json,
    window: (kind, key, start, end) => bytesOf({ op: 'window', kind, key, start, end }),
    close: async () => {
      child.stdin.end()
      await ended
    },
  }
}

interface Answer {
  readonly error?: string
  readonly bytes?: string
  readonly json?: unknown
}
