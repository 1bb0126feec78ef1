/**
 * Bundles the page (src/studio) into hashed files with esbuild: the entry with lazy chunks, the worker of the run path,
 * one style sheet, and `manifest.json`, which says what they are called. `npm run build` puts them into dist/studio; a
 * server that runs from source asks for `builtStudio`, which builds into the cache folder when nothing there was made
 * of the sources as they are.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build, type Metafile, type Plugin } from 'esbuild'
import { cacheFolder, projectFolder } from './provision.ts'

const source = join(projectFolder, 'src', 'studio')
/** What the bundle is made of. */
const INPUTS = ['src/studio', 'src/client', 'src/protocol', 'src/sql', 'src/lib', 'package-lock.json', 'scripts']
/** Builds of earlier sources are kept for a while: servers may still run on them. */
const KEPT_MS = 86_400_000

/** The lazy parts that the first query needs. */
const FIRST_VIEWS = ['query/query-view.tsx', 'grid/grid.tsx']

/** What `manifest.json` holds: names of files in the same folder. */
export interface StudioManifest {
  readonly entry: string
  readonly worker: string
  readonly style: string
  /** What the page loads up to the rows of the first query: entry, style, worker, editor, grid. */
  readonly first: readonly string[]
  readonly files: readonly string[]
}

/** The client's Node side; a page never asks for it. */
const withoutNode: Plugin = {
  name: 'without-node',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /line-node\.ts$/ }, () => ({ path: 'line-node', namespace: 'none' }))
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'export const openLine = undefined' }))
  },
}

/** Fills a folder that is not there yet. */
export async function buildStudio(into: string): Promise<StudioManifest> {
  const { metafile } = await build({
    absWorkingDir: projectFolder,
    entryPoints: {
      main: join(source, 'main.tsx'),
      worker: join(source, 'run', 'worker.ts'),
      style: join(source, 'studio.css'),
    },
    outdir: into,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022'],
    minify: true,
    legalComments: 'none',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    entryNames: '[name]-[hash]',
    chunkNames: 'chunk-[hash]',
    metafile: true,
    plugins: [withoutNode],
    logLevel: 'silent',
  })
  const manifest = manifestOf(metafile, into)
  writeFileSync(join(into, 'manifest.json'), JSON.stringify(manifest, undefined, 2))
  return manifest
}

function manifestOf({ outputs }: Metafile, into: string): StudioManifest {
  const named = new Map(
    Object.entries(outputs).map(([path, output]) => [relative(into, join(projectFolder, path)), output]),
  )
  const entryOf = (file: string): string => {
    const found = [...named].find(([, { entryPoint }]) => entryPoint === `src/studio/${file}`)
    if (found === undefined) throw new Error(`esbuild made nothing of ${file}`)
    return found[0]
  }
  const [entry, worker, style] = ['main.tsx', 'run/worker.ts', 'studio.css'].map(entryOf)
  const first = new Set<string>()
  const visit = (name: string): void => {
    if (first.has(name)) return
    first.add(name)
    for (const { path, kind } of named.get(name)?.imports ?? [])
      if (kind === 'import-statement') visit(relative(into, join(projectFolder, path)))
  }
  for (const name of [entry, worker, style, ...FIRST_VIEWS.map(entryOf)]) visit(name)
  return { entry, worker, style, first: [...first], files: [...named.keys()] }
}

/** The folder of a build of the sources as they are; builds it (about a second) when there is none. */
export async function builtStudio(): Promise<string> {
  const all = join(cacheFolder, 'studio')
  const folder = join(all, fingerprint())
  if (existsSync(join(folder, 'manifest.json'))) return folder
  mkdirSync(all, { recursive: true })
  const draft = join(all, `draft-${process.pid}-${Math.random().toString(36).slice(2)}`)
  try {
    await buildStudio(draft)
    // Another process may have been faster; what it made is the same.
    if (!existsSync(folder)) renameSync(draft, folder)
  } catch (error) {
    if (!existsSync(join(folder, 'manifest.json'))) throw error
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  for (const name of readdirSync(all)) {
    const path = join(all, name)
    if (path !== folder && Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true, force: true })
  }
  return folder
}

/** Changes with every change of an input. */
function fingerprint(): string {
  const hash = createHash('sha256')
  const visit = (path: string): void => {
    const facts = statSync(path)
    if (facts.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name))
    else hash.update(`${path} ${facts.size} ${facts.mtimeMs}\n`)
  }
  for (const input of INPUTS) visit(join(projectFolder, input))
  return hash.digest('hex').slice(0, 16)
}
