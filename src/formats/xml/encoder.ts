/**
 * Writes XML documents, the other way round than `decoder.ts` reads them: a structure of one member, the root; `@name`
 * is an attribute, `#text` the text, an array repeats its element. A text that is a document itself is written as it
 * is. NULL members are left out.
 */
import { jsonElements, jsonMembers, type JsonValue, jsonValue } from '../../lib/json-read.ts'
import { JsonText } from '../../lib/json-text.ts'
import { JSON_TYPE, type Value } from '../../types.ts'
import { EncodeError, type FacetEncoder } from '../encoder.ts'
import { DEFAULT_RENDER, renderValue } from '../text/render.ts'
import { XML_FORBIDDEN, XML_LIMIT_BYTES, XML_LIMIT_DEPTH, xmlToJson } from './decoder.ts'

type Path = readonly (string | number)[]

const NAME = /^[A-Za-z_:\u{80}-\u{10FFFF}][A-Za-z0-9_:.\-\u{80}-\u{10FFFF}]*$/u

/** Writes what `xmlDecoder` reads. */
export function xmlEncoder(): FacetEncoder {
  return { type: JSON_TYPE, encode: (value) => Buffer.from(document(value)) }
}

function document(value: Value): string {
  const json = jsonValue(renderValue(value, JSON_TYPE, DEFAULT_RENDER))
  if (typeof json === 'string') {
    if (xmlToJson(json) === undefined) throw new EncodeError('takes a document, and this text is none')
    return json
  }
  const members = json instanceof JsonText && !json.isArray ? [...jsonMembers(json)] : []
  const [root] = members
  if (members.length !== 1 || root[1] === null || (root[1] instanceof JsonText && root[1].isArray))
    throw new EncodeError('takes a document: one root element, such as {{1 AS id} AS order}, or its text')
  const text = element(root[0], root[1], [root[0]])
  if (text.length > XML_LIMIT_BYTES)
    throw new EncodeError(`is longer than a document may be (${XML_LIMIT_BYTES} bytes)`)
  return text
}

function element(name: string, value: JsonValue, path: Path): string {
  if (!NAME.test(name)) throw new EncodeError('cannot be the name of an element', path)
  if (path.length > XML_LIMIT_DEPTH) throw new EncodeError(`lies deeper than ${XML_LIMIT_DEPTH} elements`, path)
  if (!(value instanceof JsonText)) return `<${name}>${textOf(value, path)}</${name}>`
  let attributes = ''
  let content = ''
  for (const [key, member] of jsonMembers(value)) {
    const inside = [...path, key]
    if (member === null) continue
    if (key === '#text') content += textOf(member, inside)
    else if (key.startsWith('@')) {
      if (!NAME.test(key.slice(1))) throw new EncodeError('cannot be the name of an attribute', inside)
      attributes += ` ${key.slice(1)}="${attributeOf(member, inside)}"`
    } else content += elements(key, member, inside)
  }
  return content === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${content}</${name}>`
}

/** One element, or one for each of an array. */
function elements(name: string, value: JsonValue, path: Path): string {
  if (!(value instanceof JsonText) || !value.isArray) return element(name, value, path)
  return jsonElements(value)
    .map((item, i) => {
      if (item === null) return `<${name}/>`
      if (item instanceof JsonText && item.isArray)
        throw new EncodeError('is an array inside of an array, which XML does not have', [...path, i])
      return element(name, item, path)
    })
    .join('')
}

function textOf(value: JsonValue, path: Path): string {
  if (value instanceof JsonText) throw new EncodeError('takes a single value', path)
  const text = String(value ?? '')
  if (XML_FORBIDDEN.test(text)) throw new EncodeError('holds a character that XML has no place for', path)
  // A reader makes other line ends of those that are no references.
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#13;')
}

/** In an attribute a reader makes blanks of white space that is no reference. */
function attributeOf(value: JsonValue, path: Path): string {
  return textOf(value, path).replaceAll('"', '&quot;').replaceAll('\t', '&#9;').replaceAll('\n', '&#10;')
}
