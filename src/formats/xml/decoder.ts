/**
 * XML documents as JSON: `{"order":{"@id":"5","item":["a","b"],"note":{"@lang":"en","#text":"hi"}}}`. Attributes are
 * members whose name begins with `@`, text beside attributes or elements is `#text`, elements of one name are an array
 * in the order in which they come; an element with text alone is that text. All values are strings.
 *
 * There are no document types: a record with one is bad. So there are no entities beside the five of XML and character
 * references, nothing is expanded and nothing is loaded. Names with a prefix stay as they are written.
 */
import type { FacetDecoder } from '../format.ts'
import { jsonDecoder } from '../json/decoder.ts'
import { convertedDecoder } from '../reading/relay.ts'
import { jsonString } from '../text/render.ts'
import type { RawBuffer } from '../reading/reader-runtime.ts'
import { XML_TYPE } from '../../types.ts'

/** Limit `xml.depth` (levels): nesting of elements. Beyond it: the record is bad. */
export const XML_LIMIT_DEPTH = 128
/** Limit `xml.bytes` (bytes): one document. Beyond it: the record is bad; an INSERT of it is an error. */
export const XML_LIMIT_BYTES = 16 << 20

const CONVERTED = convertedDecoder('xml', jsonDecoder(), (b, from, to) => {
  const json = to - from > XML_LIMIT_BYTES ? undefined : xmlToJson(utf8(b, from, to))
  return json === undefined ? undefined : Buffer.from(json)
})
const DECODER: FacetDecoder = { ...CONVERTED, type: XML_TYPE }

/** The decoder for XML documents in UTF-8. */
export function xmlDecoder(): FacetDecoder {
  return DECODER
}

function utf8(b: RawBuffer, from: number, to: number): string {
  const marked = to - from >= 3 && b[from] === 239 && b[from + 1] === 187 && b[from + 2] === 191
  return b.utf8Slice(marked ? from + 3 : from, to)
}

/** An element under way: its members as JSON texts, in order of the first of each name. */
interface Element {
  readonly name: string
  readonly members: Map<string, string[]>
  text: string
}

const NAME = /[A-Za-z_:\u{80}-\u{10FFFF}][A-Za-z0-9_:.\-\u{80}-\u{10FFFF}]*/uy
const SPACE = /[ \t\r\n]*/y
const ATTRIBUTE =
  /[ \t\r\n]+([A-Za-z_:\u{80}-\u{10FFFF}][A-Za-z0-9_:.\-\u{80}-\u{10FFFF}]*)[ \t\r\n]*=[ \t\r\n]*(?:"([^"<]*)"|'([^'<]*)')/uy

/** The JSON text of a document; undefined when it is not well-formed, too deep, or has a document type. */
export function xmlToJson(text: string): string | undefined {
  return new XmlReader(text).document()
}

class XmlReader {
  readonly #text: string
  #at = 0
  readonly #open: Element[] = []
  #root: string | undefined
  constructor(text: string) {
    // Line ends are those of the text, not those that references stand for (XML 1.0, 2.11).
    this.#text = text.includes('\r') ? text.replaceAll(/\r\n?/g, '\n') : text
  }

  document(): string | undefined {
    const text = this.#text
    if (XML_FORBIDDEN.test(text)) return undefined
    while (this.#at < text.length) {
      const next = text.indexOf('<', this.#at)
      const end = next < 0 ? text.length : next
      if (!this.#characters(text.slice(this.#at, end))) return undefined
      this.#at = end
      if (next >= 0 && !this.#markup()) return undefined
    }
    return this.#open.length === 0 ? this.#root : undefined
  }

  /** Text between markup; outside of the root there may be white space only. */
  #characters(raw: string): boolean {
    const element = this.#open.at(-1)
    if (element === undefined) return /^[ \t\r\n]*$/.test(raw)
    if (raw === '') return true
    const decoded = raw.includes(']]>') ? undefined : decodeReferences(raw)
    if (decoded === undefined) return false
    element.text += decoded
    return true
  }

  #markup(): boolean {
    const text = this.#text
    if (text.startsWith('<!--', this.#at)) return this.#pass('-->', 4) !== undefined
    if (text.startsWith('<![CDATA[', this.#at)) {
      const data = this.#pass(']]>', 9)
      const element = this.#open.at(-1)
      if (data === undefined || element === undefined) return false
      element.text += data
      return true
    }
    if (text.startsWith('<?', this.#at)) return this.#pass('?>', 2) !== undefined
    if (text.startsWith('<!', this.#at)) return false
    return text.startsWith('</', this.#at) ? this.#endTag() : this.#startTag()
  }

  /** What stands up to the closing mark; the position moves behind it. */
  #pass(mark: string, head: number): string | undefined {
    const end = this.#text.indexOf(mark, this.#at + head)
    if (end < 0) return undefined
    const inside = this.#text.slice(this.#at + head, end)
    this.#at = end + mark.length
    return inside
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found !== null) this.#at = pattern.lastIndex
    return found
  }

  #startTag(): boolean {
    this.#at++
    const name = this.#match(NAME)?.[0]
    if (
      name === undefined ||
      this.#open.length === XML_LIMIT_DEPTH ||
      (this.#open.length === 0 && this.#root !== undefined)
    )
      return false
    const element: Element = { name, members: new Map(), text: '' }
    for (let found = this.#match(ATTRIBUTE); found !== null; found = this.#match(ATTRIBUTE)) {
      // So is white space (XML 1.0, 3.3.3).
      const value = decodeReferences((found[2] ?? found[3]).replace(/[\t\n]/g, ' '))
      if (value === undefined || element.members.has(`@${found[1]}`)) return false
      element.members.set(`@${found[1]}`, [jsonString(value)])
    }
    this.#match(SPACE)
    const empty = this.#text.startsWith('/>', this.#at)
    if (!empty && this.#text[this.#at] !== '>') return false
    this.#at += empty ? 2 : 1
    this.#open.push(element)
    return empty ? this.#close() : true
  }

  #endTag(): boolean {
    this.#at += 2
    const name = this.#match(NAME)?.[0]
    this.#match(SPACE)
    if (this.#text[this.#at] !== '>' || name !== this.#open.at(-1)?.name) return false
    this.#at++
    return this.#close()
  }

  #close(): boolean {
    const element = this.#open.pop()
    if (element === undefined) return false
    const json = elementJson(element)
    const parent = this.#open.at(-1)
    if (parent === undefined) this.#root = `{${jsonString(element.name)}:${json}}`
    else {
      const same = parent.members.get(element.name)
      if (same === undefined) parent.members.set(element.name, [json])
      else same.push(json)
    }
    return true
  }
}

function elementJson({ members, text }: Element): string {
  if (members.size === 0) return jsonString(text)
  const parts = [...members].map(
    ([name, values]) => `${jsonString(name)}:${values.length === 1 ? values[0] : `[${values.join(',')}]`}`,
  )
  // White space between elements is layout.
  const trimmed = text.trim()
  if (trimmed !== '') parts.push(`"#text":${jsonString(trimmed)}`)
  return `{${parts.join(',')}}`
}

/** What is no character of XML (1.0, 2.2), also as a reference. */
export const XML_FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

const PREDEFINED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Text with its references replaced; undefined for a reference that XML does not know by itself. */
function decodeReferences(raw: string): string | undefined {
  if (!raw.includes('&')) return raw
  let good = true
  const text = raw.replace(
    /&(#x[0-9a-fA-F]{1,6}|#[0-9]{1,7}|[a-z]{2,4})?(;?)/g,
    (_all, name: string | undefined, end: string) => {
      const found =
        name === undefined || end === '' ? undefined : name.startsWith('#') ? character(name) : PREDEFINED[name]
      if (found === undefined) good = false
      return found ?? ''
    },
  )
  return good ? text : undefined
}

function character(name: string): string | undefined {
  const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined
  const text = String.fromCodePoint(code)
  return XML_FORBIDDEN.test(text) ? undefined : text
}
