/**
 * google.protobuf.Any: a message with the name of its type. Of a type that the schema or its imports declare it reads
 * as `{"@type": …, fields…}` (`{"@type": …, "value": …}` where the message stands for another value), of any other as
 * `{"@type": …, "value": base64}`. Source: the JSON mapping of Protocol Buffers.
 */
import { Emitter, js } from '../../codegen/emitter.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { RenderOptions } from '../format.ts'
import { jsonString, renderValue } from '../text/render.ts'
import { type RawBuffer, scratch, stringAt, takeText, withOwnScratch } from '../reading/reader-runtime.ts'
import { type AnyReader, Family } from './family.ts'
import { meaningType, type ProtoMessage } from './definition/schema.ts'
import { messageTextFunction } from './text.ts'
import { lengthAt, PROTOBUF_LIMIT_DEPTH, walk } from './wire.ts'

/** The JSON text of what is in the message's place; undefined for damage. */
type Contents = (b: RawBuffer, view: DataView, from: number, to: number, depth: number) => string | undefined

/** Reads them for one way to render. A type's reader is generated when a record first names it. */
export function anyReader(render: RenderOptions): AnyReader {
  const known = new Map<ProtoMessage, Contents>()
  const read: AnyReader = (find) => (b, view, from, to, depth) => {
    if (depth > PROTOBUF_LIMIT_DEPTH) return undefined
    let url = ''
    let [start, end] = [from, from]
    const good = walk(b, from, to, (tag, at, behind) => {
      if (tag !== 10 && tag !== 18) return true
      lengthAt(b, at)
      if (tag === 10) url = stringAt(b, scratch.at, behind)
      else [start, end] = [scratch.at, behind]
      return true
    })
    if (!good) return undefined
    if (url === '' && start === end) return new JsonText('{}')
    const type = `{"@type":${jsonString(url)}`
    const message = find(url.slice(url.lastIndexOf('/') + 1))
    if (message === undefined) return new JsonText(`${type},"value":"${b.toString('base64', start, end)}"}`)
    let contents = known.get(message)
    if (contents === undefined) known.set(message, (contents = contentsOf(message, render, read)))
    const text = contents(b, view, start, end, depth + 1)
    return text === undefined ? undefined : new JsonText(text === '' ? `${type}}` : `${type},${text}}`)
  }
  return read
}

function contentsOf(message: ProtoMessage, render: RenderOptions, any: AnyReader): Contents {
  const e = new Emitter()
  const family = new Family(e, render, any)
  const { meaning } = message
  if (meaning !== undefined) {
    const read = family.meaning(meaning)
    return (b, view, from, to, depth) => {
      const value = read(b, view, from, to, depth)
      return value === undefined ? undefined : `"value":${renderValue(value, meaningType(meaning), render)}`
    }
  }
  const fn = messageTextFunction(message, family)
  const write = e.build<(b: RawBuffer, view: DataView, from: number, to: number, depth: number) => number>(
    ['b', 'view', 'from', 'to', 'depth'],
    js`return ${fn}(b, view, from, to, 0, depth)`,
    `any ${message.name}`,
  )
  return (b, view, from, to, depth) =>
    withOwnScratch(() => {
      const length = write(b, view, from, to, depth)
      return length < 0 ? undefined : takeText(length).slice(1, -1)
    })
}
