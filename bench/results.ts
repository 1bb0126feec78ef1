/**
 * RESULTS.md and results.json of the benchmark. Each part of it writes its own figures and leaves those of the others
 * as they are: what stands before the first section is the comparison with peers.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = join(import.meta.dirname, 'RESULTS.md')
const DATA = join(import.meta.dirname, 'results.json')

/** The sections, in the order of the page. */
const SECTIONS = {
  readers: 'Several readers',
  crowd: 'A crowd',
  exports: 'Exports',
  flink: 'On Apache Flink',
  large: 'Large joins, groupings and sorts',
} as const
type Section = keyof typeof SECTIONS

/** `text`: from the title of the page to the end of its tables. */
export function savePeers(text: string, figures: object): void {
  const { sections, data } = stored()
  const kept = Object.fromEntries(Object.entries(data).filter(([name]) => name in SECTIONS))
  write(text, sections, { ...figures, ...kept })
}

/** `text`: what stands below the heading. */
export function saveSection(name: Section, text: string, figures: object): void {
  const { peers, sections, data } = stored()
  write(peers, { ...sections, [name]: text }, { ...data, [name]: figures })
}

interface Stored {
  readonly peers: string
  readonly sections: Partial<Record<Section, string>>
  readonly data: Record<string, unknown>
}

function stored(): Stored {
  if (!existsSync(PAGE) || !existsSync(DATA)) return { peers: '', sections: {}, data: {} }
  const [peers, ...rest] = readFileSync(PAGE, 'utf8').split('\n## ')
  const sections: Partial<Record<Section, string>> = {}
  let own = peers
  for (const part of rest) {
    const found = Object.entries(SECTIONS).find(([, title]) => part.startsWith(`${title}\n`))
    if (found === undefined) own += `\n## ${part}`
    else sections[found[0] as Section] = part.slice(found[1].length).replace(/^\n+/, '')
  }
  return { peers: own, sections, data: JSON.parse(readFileSync(DATA, 'utf8')) as Record<string, unknown> }
}

function write(peers: string, sections: Stored['sections'], data: object): void {
  const parts = (Object.keys(SECTIONS) as Section[]).flatMap((name) => {
    const text = sections[name]
    return text === undefined ? [] : [`\n## ${SECTIONS[name]}\n\n${text.trimEnd()}\n`]
  })
  writeFileSync(PAGE, `${peers.trimEnd()}\n${parts.join('')}`)
  writeFileSync(DATA, `${JSON.stringify(data, null, 2)}\n`)
}
