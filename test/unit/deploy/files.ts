/** Reads the files of deployment for tests. Not a test itself. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

export const root = join(import.meta.dirname, '..', '..', '..')
export const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** The one document of a YAML file; a key given twice and whatever else the reader warns of is an error. */
export function yaml<T>(path: string): T {
  const documents = parseAllDocuments(read(path), { uniqueKeys: true })
  assert.ok(Array.isArray(documents) && documents.length === 1, `${path} holds one document`)
  const [document] = documents
  assert.deepEqual([...document.errors, ...document.warnings].map(String), [], path)
  return document.toJS() as T
}

export interface Instruction {
  readonly word: string
  readonly text: string
  /** From 0, counted by FROM; -1 before the first. */
  readonly stage: number
}

/** The instructions of the Dockerfile, with continued lines joined. */
export function dockerfile(text = read('deploy/Dockerfile')): Instruction[] {
  let stage = -1
  return text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, word, rest] = /^\s*([A-Z]+)\s+(.*)$/.exec(line) ?? assert.fail(`not an instruction: ${line}`)
      if (word === 'FROM') stage++
      return { word, text: rest, stage }
    })
}

/** The variables that the last stage of the image sets. */
export function imageVariables(): Record<string, string> {
  const all = dockerfile()
  const last = all.at(-1)?.stage
  const set = all.filter(({ word, stage }) => word === 'ENV' && stage === last).map(({ text }) => text)
  return Object.fromEntries([...set.join(' ').matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]))
}

/** An image with a registry, a tag that is a version, and nothing that moves with every release. */
export function imageProblem(image: string): string | undefined {
  const tag = /^[\w./:-]+?:([\w.-]+)(?:@sha256:[0-9a-f]{64})?$/.exec(image)?.[1]
  return tag === undefined ? 'no tag' : /^\d/.test(tag) ? undefined : `the tag ${tag} is no version`
}

/** Bytes of a quantity as Kubernetes, Compose and systemd write them: `1280Mi`, `1280m`, `1280M`, each times 1024². */
export function mebibytes(quantity: string): number {
  const [, number] = /^(\d+)(?:Mi|m|M)$/.exec(quantity) ?? assert.fail(`${quantity} is not in MiB`)
  return Number(number) * 1024 * 1024
}
