/** Types, lint and import rules, each by its own tool; run at the same time, printed one after the other. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { projectFolder } from './provision.ts'

const tools = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint', command: ['biome', 'check', '.'] },
  { name: 'import rules', command: ['depcruise', 'src', '--config', '.dependency-cruiser.cjs'] },
] as const

/**
 * Runs them all and prints one line each, with the tool's own words where it found something. Returns the names of
 * those that failed.
 */
export async function staticChecks(): Promise<string[]> {
  const failed: string[] = []
  for (const running of tools.map(({ name, command }) => runTool(name, command))) {
    const { name, code, output, tookMs } = await running
    console.log(`${code === 0 ? '✔' : '✖'} ${name} (${(tookMs / 1000).toFixed(1)} s)`)
    if (code === 0) continue
    failed.push(name)
    console.log(output.trimEnd())
  }
  return failed
}

function runTool(
  name: string,
  [program, ...args]: readonly string[],
): Promise<{ name: string; code: number; output: string; tookMs: number }> {
  const begun = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(projectFolder, 'node_modules', '.bin', program), ...args], {
      cwd: projectFolder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const pieces: Buffer[] = []
    child.stdout.on('data', (piece: Buffer) => pieces.push(piece))
    child.stderr.on('data', (piece: Buffer) => pieces.push(piece))
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ name, code: code ?? 1, output: Buffer.concat(pieces).toString(), tookMs: performance.now() - begun }),
    )
  })
}
