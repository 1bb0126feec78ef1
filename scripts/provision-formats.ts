/**
 * What the tests of formats against Java's own writers need: the libraries, and the Protobuf compiler with its own
 * files. All of it comes from Maven Central into `.cache/`.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installed, projectFolder, Unavailable, which } from './provision.ts'

const run = promisify(execFile)
const PROTOBUF = '4.31.1'

async function maven(): Promise<string> {
  const found = await which('mvn')
  if (found === undefined) throw new Unavailable('"mvn" is not in PATH; install Maven')
  return found
}

/** Folder with the jars of protobuf-java and Kafka Streams. */
export async function formatLibraries(): Promise<string> {
  return await librariesOf(`formats-protobuf-${PROTOBUF}-streams-4.1.0`, 'formats.pom.xml')
}

/** Folder with the jars of Apicurio's Avro serializer. */
export async function apicurioLibraries(): Promise<string> {
  return await librariesOf('apicurio-serdes-2.6.8', 'apicurio.pom.xml')
}

async function librariesOf(name: string, file: string): Promise<string> {
  return await installed(name, async (into) => {
    const pom = join(projectFolder, 'scripts', 'java', file)
    await run(
      await maven(),
      ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${into}`, '-DincludeScope=runtime'],
      {
        maxBuffer: 1 << 26,
      },
    )
  })
}

/** The Protobuf compiler and the folder of the files that come with it. */
export async function protoc(): Promise<{ readonly program: string; readonly include: string }> {
  const libraries = await formatLibraries()
  const platform = `${process.platform === 'darwin' ? 'osx' : process.platform}-${process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch_64' : process.arch}`
  const folder = await installed(`protoc-${PROTOBUF}-${platform}`, async (into) => {
    if ((await which('unzip')) === undefined) throw new Unavailable('"unzip" is not in PATH; install it')
    const artifact = `com.google.protobuf:protoc:${PROTOBUF}:exe:${platform}`
    await run(await maven(), ['-B', '-q', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${into}`], {
      cwd: into,
      maxBuffer: 1 << 26,
    })
    const [program] = await readdir(into)
    await rename(join(into, program), join(into, 'protoc'))
    await chmod(join(into, 'protoc'), 0o755)
    await mkdir(join(into, 'include'))
    await run('unzip', [
      '-q',
      join(libraries, `protobuf-java-${PROTOBUF}.jar`),
      'google/protobuf/*.proto',
      '-d',
      join(into, 'include'),
    ])
  })
  return { program: join(folder, 'protoc'), include: join(folder, 'include') }
}
