/**
 * Kafka's own definitions of its messages (JSON files within the Java client's jar), and an encoder that follows them
 * with random values. Knows nothing of our code: what it writes is the yardstick.
 */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { WireWriter } from '../../src/kafka/wire/primitives.ts'

interface Field {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly fields?: readonly Field[]
}

/** One request or response. */
export interface MessageSpec {
  readonly apiKey: number
  readonly name: string
  readonly type: 'request' | 'response' | string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: readonly Field[]
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly Field[] }[]
}

/** Whether `version` is within a range as the definitions write it: `3`, `3+`, `2-7`, `none`. */
export function inVersions(range: string | undefined, version: number): boolean {
  const found = /^(\d+)(?:(\+)|-(\d+))?$/.exec(range ?? 'none')
  if (found === null) return false
  const from = Number(found[1])
  const to = found[2] === '+' ? Number.POSITIVE_INFINITY : Number(found[3] ?? from)
  return version >= from && version <= to
}

/** All definitions in the client's jar below `libraries`. */
export async function kafkaMessages(libraries: string): Promise<MessageSpec[]> {
  const jar = (await readdir(libraries)).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name))
  if (jar === undefined) throw new Error(`there is no kafka-clients jar in ${libraries}`)
  const specs: MessageSpec[] = []
  for (const [name, text] of zipEntries(await readFile(join(libraries, jar)))) {
    if (!/^common\/message\/\w+(Request|Response)\.json$/.test(name)) continue
    specs.push(
      JSON.parse(
        text()
          .replace(/^\s*\/\/.*$/gm, '')
          .replace(/,(\s*[\]}])/g, '$1'),
      ) as MessageSpec,
    )
  }
  return specs
}

/** Names and contents of a zip file, by its central directory. */
function* zipEntries(zip: Buffer): Generator<[string, () => string]> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  let at = zip.readUInt32LE(end + 16)
  for (let i = zip.readUInt16LE(end + 10); i > 0; i--) {
    const [method, size, nameLength, extraLength, commentLength, header] = [
      zip.readUInt16LE(at + 10),
      zip.readUInt32LE(at + 20),
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
      zip.readUInt32LE(at + 42),
    ]
    yield [
      zip.toString('latin1', at + 46, at + 46 + nameLength),
      () => {
        const from = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28)
        const stored = zip.subarray(from, from + size)
        return (method === 8 ? inflateRawSync(stored) : stored).toString()
      },
    ]
    at += 46 + nameLength + extraLength + commentLength
  }
}

/** A message of that version with random content. `withTags`: its tagged fields too. */
export function randomMessage(spec: MessageSpec, version: number, random: () => number, withTags: boolean): Buffer {
  const writer = new WireWriter()
  const flexible = inVersions(spec.flexibleVersions, version)
  const below = (n: number) => Math.floor(random() * n)
  const structs = new Map((spec.commonStructs ?? []).map((struct) => [struct.name, struct.fields]))

  const fields = (list: readonly Field[], out: WireWriter): void => {
    const here = list.filter((field) => inVersions(field.versions, version))
    const tags = here
      .filter((field) => inVersions(field.taggedVersions, version))
      .sort((a, b) => (a.tag ?? 0) - (b.tag ?? 0))
    for (const field of here) if (!tags.includes(field)) value(field, field.type, out)
    if (!flexible) return
    const sent = withTags ? tags.filter(() => below(2) === 0) : []
    out.uvarint(sent.length)
    for (const field of sent) {
      const inner = new WireWriter()
      value(field, field.type, inner)
      const bytes = inner.finish()
      out
        .uvarint(field.tag ?? 0)
        .uvarint(bytes.length)
        .raw(bytes)
    }
  }

  const value = (field: Field, type: string, out: WireWriter): void => {
    const absent = inVersions(field.nullableVersions, version) && below(4) === 0
    if (type.startsWith('[]')) {
      const count = absent ? -1 : below(4)
      if (flexible) out.uvarint(count + 1)
      else out.int32(count)
      for (let i = 0; i < count; i++) value({ ...field, nullableVersions: undefined }, type.slice(2), out)
      return
    }
    const word = absent ? null : `${field.name}-${below(1000)}`
    if (type === 'string') out[flexible ? 'compactString' : 'string'](word)
    else if (type === 'bytes' || type === 'records')
      out[flexible ? 'compactBytes' : 'bytes'](word === null ? null : Buffer.from(word))
    else if (!primitive(type, out)) fields(field.fields ?? structs.get(type) ?? [], out)
  }

  const primitive = (type: string, out: WireWriter): boolean => {
    if (type === 'bool') out.boolean(below(2) === 1)
    else if (type === 'int8') out.int8(below(100))
    else if (type === 'int16') out.int16(below(30_000))
    else if (type === 'int32') out.int32(below(2_000_000_000))
    else if (type === 'int64') out.int64(below(Number.MAX_SAFE_INTEGER))
    else if (type === 'uuid') out.raw(Buffer.from(Array.from({ length: 16 }, () => below(256))))
    else return false
    return true
  }

  fields(spec.fields, writer)
  return Buffer.from(writer.finish())
}
