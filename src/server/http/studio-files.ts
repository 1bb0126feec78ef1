/**
 * The files of the page as they were bundled (`scripts/build-studio.ts`): their names, and each of them in memory. In
 * the package they lie beside the program; a server that runs from source has them built when somebody asks first.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What is served: the parts that the document names, and the content of every file. */
export interface StudioFiles {
  readonly entry: string
  readonly worker: string
  readonly style: string
  readonly content: ReadonlyMap<string, Buffer>
}

type Manifest = Pick<StudioFiles, 'entry' | 'worker' | 'style'> & { readonly files: readonly string[] }

/** Reads them once; `read` rejects, and tries again the next time, where there are none and none can be built. */
export class Studio {
  #files: Promise<StudioFiles> | undefined

  read(): Promise<StudioFiles> {
    const reading = (this.#files ??= load())
    reading.catch(() => {
      if (this.#files === reading) this.#files = undefined
    })
    return reading
  }
}

async function load(): Promise<StudioFiles> {
  const folder = await studioFolder()
  const { files, ...parts } = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest
  const contents = await Promise.all(files.map(async (name) => [name, await readFile(join(folder, name))] as const))
  return { ...parts, content: new Map(contents) }
}

async function studioFolder(): Promise<string> {
  if (import.meta.url.endsWith('.js')) return fileURLToPath(new URL('../../studio', import.meta.url))
  // A program of the project, not of the package: found by address, so that nothing published refers to it.
  const program = new URL('../../../scripts/build-studio.ts', import.meta.url).href
  const { builtStudio } = (await import(program)) as { builtStudio(): Promise<string> }
  return builtStudio()
}
