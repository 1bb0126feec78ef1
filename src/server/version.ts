/** Name and version of this package, as package.json has them. */
import { readFileSync } from 'node:fs'

interface Package {
  readonly name: string
  readonly version: string
}

const manifest: Package = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
/** The name of the package. */
export const NAME: string = manifest.name
/** The version of the package. */
export const VERSION: string = manifest.version
