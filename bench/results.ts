/**
 * RESULTS.md and results.json of the benchmark. Each part of it writes its own figures and leaves those of the others
 * as they are.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = join(import.meta.dirname, 'RESULTS.md')
const DATA = join(import.meta.dirname, 'results.json')
/**
 * The section of the large queries starts here and ends the page; what stands before it is the comparison with peers.
 */
const LARGE = '\n## Large joins, groupings and sorts\n'

/** The section of the crowd stands before that of the large queries. */
const CROWD = '\n## A crowd\n'

/** `text`: from the title of the page to the end of its tables. */
export function savePeers(text: string, figures: object): void {
  const { page, data } = stored()
  const at = page.includes(CROWD) ? page.indexOf(CROWD) : page.indexOf(LARGE)
  const { large, crowd } = data
  writeFileSync(PAGE, `${text}${at < 0 ? '' : page.slice(at)}`)
  writeFileSync(DATA, `${JSON.stringify({ ...figures, large, crowd }, null, 2)}\n`)
}

/** `text`: what stands below the heading. */
export function saveLarge(text: string, figures: object): void {
  const { page, data } = stored()
  const at = page.indexOf(LARGE)
  writeFileSync(PAGE, `${at < 0 ? page : page.slice(0, at)}${LARGE}\n${text}`)
  writeFileSync(DATA, `${JSON.stringify({ ...data, large: figures }, null, 2)}\n`)
}

/** `text`: what stands below the heading. */
export function saveCrowd(text: string, figures: object): void {
  const { page, data } = stored()
  const [before, rest] = page.includes(CROWD) ? page.split(CROWD) : [page, '']
  const after = rest.includes('\n## ') ? rest.slice(rest.indexOf('\n## ')) : ''
  const at = before.indexOf(LARGE)
  const whole = page.includes(CROWD) || at < 0 ? before : before.slice(0, at)
  const large = page.includes(CROWD) || at < 0 ? after : before.slice(at)
  writeFileSync(PAGE, `${whole}${CROWD}\n${text}${large}`)
  writeFileSync(DATA, `${JSON.stringify({ ...data, crowd: figures }, null, 2)}\n`)
}

function stored(): { page: string; data: Record<string, unknown> } {
  if (!existsSync(PAGE) || !existsSync(DATA)) return { page: '', data: {} }
  return { page: readFileSync(PAGE, 'utf8'), data: JSON.parse(readFileSync(DATA, 'utf8')) as Record<string, unknown> }
}
