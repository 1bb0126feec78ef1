/**
 * Builds what is published: every TypeScript file of src/ as one JavaScript file and its declarations in dist/,
 * everything else there copied as it is. Only the page (src/studio) is bundled, into dist/studio. A file that loads another by address (`new
 * URL('./worker.ts', import.meta.url)`) must take the ending from its own address, since only import statements are
 * rewritten.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildStudio } from './build-studio.ts'
import { projectFolder } from './provision.ts'

const dist = join(projectFolder, 'dist')

/** Fills dist/ anew; throws where the compiler finds fault, with its words on standard output. */
export async function build(): Promise<void> {
  rmSync(dist, { recursive: true, force: true })
  execFileSync(process.execPath, [join(projectFolder, 'node_modules', '.bin', 'tsc'), '-p', 'tsconfig.build.json'], {
    cwd: projectFolder,
    stdio: 'inherit',
  })
  cpSync(join(projectFolder, 'src'), dist, {
    recursive: true,
    filter: (path) => !path.endsWith('.ts') && path !== join(projectFolder, 'src', 'studio'),
  })
  await buildStudio(join(dist, 'studio'))
  const program = join(dist, 'cli', 'start.js')
  if (existsSync(program)) chmodSync(program, 0o755)
}

if (import.meta.main) {
  try {
    await build()
  } catch (error) {
    console.error(`not built: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  }
}
