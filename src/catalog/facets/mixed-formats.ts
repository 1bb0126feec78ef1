/**
 * Topics of several formats: the facet for a chain of formats, and whether a sample shows several. A format counts as
 * shown when it is there twice, and in a fifth of the sample, and text only beside JSON or XML: damaged and stray
 * records do not make another topic of it.
 */
import { isContainer, isJson, isXml } from '../../formats/detect.ts'
import { type FormatName, mixedName, type PlainFormatName, traitsOf } from '../../formats/format.ts'
import { isText, type Link, MixedFrame } from '../../formats/mixed-frame.ts'
import type { TableFacet } from '../../plan/catalog.ts'
import { RegistryError } from '../../registry/registry.ts'
import { JSON_TYPE, XML_TYPE } from '../../types.ts'
import type { FacetQuestion } from './facet-question.ts'
import { plainDecoder } from './plain-formats.ts'

/**
 * A facet whose records are each of the first of these formats that takes them. Values are of the type json: their
 * shape is known per record.
 */
export function mixedFacet(
  question: FacetQuestion,
  formats: readonly PlainFormatName[],
  origin: TableFacet['origin'],
  detail: string,
): TableFacet {
  const links = formats.map((name): Link => {
    const decoder = plainDecoder(name, question.options)
    return decoder === undefined ? { kind: 'framed' } : { kind: 'plain', name, decoder }
  })
  const frame = new MixedFrame(links)
  return {
    format: mixedName(formats),
    origin,
    detail,
    type: formats.includes('XML') ? XML_TYPE : JSON_TYPE,
    framing: 'own',
    frame,
    reading: JSON.stringify(question.options?.csv ?? {}),
    // A registry in trouble says nothing about the id.
    decoder: (schema) =>
      frame.decoder(
        schema,
        (id) => question.decoders.byId(id),
        (e) => !(e instanceof RegistryError) || e.ofSchema,
      ),
  }
}

/**
 * The formats that the samples show, when there are several, and in words how often. `framed`: the format of those with
 * the frame of a registry, when their schemas are known.
 */
export async function shownFormats(
  samples: readonly Buffer[],
  framed: () => Promise<FormatName | undefined>,
): Promise<{ readonly formats: readonly PlainFormatName[]; readonly detail: string } | undefined> {
  const counts = { framed: 0, json: 0, bare: 0, xml: 0, text: 0, other: 0, empty: 0 }
  for (const bytes of samples) counts[kindOf(bytes)]++
  // Empty payloads say nothing. Bare numbers and words are JSON where objects are, else text.
  const count = samples.length - counts.empty
  const json = counts.json + (isShown(counts.json, count) ? counts.bare : 0)
  const text = counts.json + counts.bare - json + counts.text
  const { xml, other } = counts
  const documents = [json, xml].filter((n) => isShown(n, count)).length
  // Text beside framed records is damage, which is to be counted as such; only a configured chain reads it.
  if (documents === 0 || (documents === 1 && !isShown(counts.framed, count) && !isShown(text, count))) return undefined
  const registered = isShown(counts.framed, count) ? await framed() : undefined
  if (isShown(counts.framed, count) && (registered === undefined || traitsOf(registered).registry === undefined))
    return undefined
  const formats: PlainFormatName[] = []
  if (registered !== undefined) formats.push(registered as PlainFormatName)
  if (isShown(json, count)) formats.push('JSON')
  if (isShown(xml, count)) formats.push('XML')
  if (isShown(text, count)) formats.push('STRING')
  if (isShown(other, count)) formats.push('BYTES')
  const words = [
    `${counts.framed} framed for a schema registry`,
    `${json} JSON`,
    `${xml} XML`,
    `${text} text`,
    `${other} neither`,
  ]
  return { formats, detail: `of ${count} samples ${words.filter((w) => !w.startsWith('0 ')).join(', ')}` }
}

/** Is a format there often enough to be part of a topic of `count` samples, and no stranger? */
export function isShown(n: number, count: number): boolean {
  return n >= 2 && n * 5 >= count
}

function kindOf(bytes: Buffer): 'framed' | 'json' | 'bare' | 'xml' | 'text' | 'other' | 'empty' {
  if (bytes.length === 0) return 'empty'
  if (bytes.length > 5 && bytes[0] === 0 && bytes.readInt32BE(1) > 0) return 'framed'
  if (isJson(bytes)) return isContainer(bytes) ? 'json' : 'bare'
  if (isXml(bytes)) return 'xml'
  return isText(bytes) ? 'text' : 'other'
}
