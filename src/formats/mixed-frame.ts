/**
 * Topics whose records are of several formats: which of them takes a record, decided by its bytes. A record with the
 * frame of a schema registry is of the schema that it names; any other is of the first format that can read it from its
 * first byte to its last. Finds the reader; reads nothing itself, and asks no registry.
 */
import { isUtf8 } from 'node:buffer'
import { facetCheck } from './check.ts'
import type { FacetDecoder, RecordFrame } from './format.ts'

/** A format of the chain. `framed`: that of a schema registry, whatever the kind of its schemas. */
export type Link =
  | { readonly kind: 'framed' }
  | { readonly kind: 'plain'; readonly name: string; readonly decoder: FacetDecoder }

/** Numbers below this are places in the chain, those above it ids of schemas. */
const FIRST_ID = 64
const FRAME_BYTES = 5
/** Not a limit: an id beyond this is taken for bytes that begin with a zero by chance. */
const MAX_ID = 10_000_000
/**
 * Limit `catalog.mixed.ids` (ids): schema ids of one topic of mixed formats that the registry is asked for. Beyond it:
 * records with further ones are of another format of the chain, or bad.
 */
const MAX_IDS = 10_000

type Takes = (b: Buffer, view: DataView, from: number, to: number) => boolean

/** Decides for each record. */
export class MixedFrame implements RecordFrame {
  readonly #takes: readonly Takes[]
  readonly #links: readonly Link[]
  /** Ids that were found: true, or why they cannot be read. */
  readonly #ids = new Map<number, true | string>()
  #buffer: Buffer | undefined
  #view: DataView = new DataView(new ArrayBuffer(0))

  constructor(links: readonly Link[]) {
    this.#links = links
    this.#takes = links.map((link) => (link.kind === 'framed' ? () => false : takesOf(link)))
  }

  schemaOf(b: Buffer, from: number, to: number): number {
    if (b !== this.#buffer) {
      this.#buffer = b
      this.#view = new DataView(b.buffer, b.byteOffset, b.byteLength)
    }
    for (let i = 0; i < this.#links.length; i++) {
      if (this.#links[i].kind !== 'framed') {
        if (this.#takes[i](b, this.#view, from, to)) return i
      } else if (to - from >= FRAME_BYTES && b[from] === 0 && this.#isId(this.#view.getInt32(from + 1)))
        return FIRST_ID + this.#view.getInt32(from + 1)
    }
    return -1
  }

  #isId(id: number): boolean {
    const known = this.#ids.get(id)
    if (known !== undefined) return known === true
    if (id <= 0 || id >= MAX_ID || this.#ids.size >= MAX_IDS) return false
    this.#ids.set(id, true)
    return true
  }

  schemaIn(bytes: Uint8Array): number {
    return this.schemaOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length)
  }

  skip(schema: number): number {
    return schema >= FIRST_ID ? FRAME_BYTES : 0
  }

  /** Of a record that no format takes. */
  why(b: Buffer, from: number, to: number): string {
    const names = this.#links.flatMap((link) => (link.kind === 'plain' ? [link.name] : []))
    const others = `${names.length === 0 ? '' : `, and it is not ${names.join(' or ')}`}`
    const framed = this.#links.some((link) => link.kind === 'framed') && to - from >= FRAME_BYTES && b[from] === 0
    const known = framed ? this.#ids.get(b.readInt32BE(from + 1)) : undefined
    if (typeof known === 'string') return known.replace(/\.$/, '') + others
    const refused = [...(names.length < this.#links.length ? ['framed'] : []), ...names].join(', ')
    return `none of the formats of its topic takes it${others === '' ? '' : `: it is not ${refused}`}`
  }

  /**
   * The decoder for a number of `schemaOf`. `byId` makes those of schemas; what it says about an id that cannot be read
   * sends the id's records on to the next formats.
   */
  async decoder(
    schema: number | undefined,
    byId: (id: number) => FacetDecoder | Promise<FacetDecoder>,
    final: (e: unknown) => boolean,
  ): Promise<FacetDecoder> {
    if (schema === undefined) throw new Error('the record is of none of the formats of its topic')
    const link = this.#links[schema]
    if (link?.kind === 'plain') return link.decoder
    const id = schema - FIRST_ID
    try {
      return await byId(id)
    } catch (e) {
      if (final(e)) this.#ids.set(id, e instanceof Error ? e.message : String(e))
      throw e
    }
  }
}

/**
 * JSON and the others take what they can read; of texts, what has no control characters: binary data is rarely without.
 */
function takesOf({ name, decoder }: Link & { kind: 'plain' }): Takes {
  return name === 'STRING' ? (b, _view, from, to) => isText(b.subarray(from, to)) : facetCheck(decoder)
}

/** UTF-8 without control characters other than tab and line ends. */
export function isText(b: Buffer): boolean {
  for (let i = 0; i < b.length; i++) if (b[i] < 32 && b[i] !== 9 && b[i] !== 10 && b[i] !== 13) return false
  return isUtf8(b)
}
