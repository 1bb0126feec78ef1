/** Name and version of this package, as package.json has them. */
import { readFileSync } from 'node:fs'

interface Package {
  readonly name: string
  readonly version: string
}

const manifest: Package = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
export const NAME: string = manifest.name
export const VERSION: string = manifest.version
