/**
 * Rules about the text of the project that neither the type checker, the linter nor the import rules know: where code
 * may be generated, where the environment may be read, how long a file may be, and what must never be published.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import ts from 'typescript'
import { constantLimits } from '../../scripts/limits-doc.ts'
import { ALIASES, CONSUMER, SETTINGS } from '../../src/plan/settings.ts'
import { LIMITS } from '../../src/server/limits.ts'

const root = join(import.meta.dirname, '..', '..')
/** What `.gitignore` names. */
const MADE: ReadonlySet<string> = new Set(['node_modules', 'dist', 'tmp', '.cache', 'coverage'])

/**
 * Everything that is, or is about to be, under version control; of a copy of the project without its history everything
 * but what is made.
 */
const tracked = existsSync(join(root, '.git'))
  ? versioned()
  : globSync('**/*', { cwd: root, exclude: (path) => MADE.has(path) || /^[^/]+\.tgz$/.test(path) }).filter(isFile)

function versioned(): string[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(root, path)))
}

function isFile(path: string): boolean {
  return statSync(join(root, path)).isFile()
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const source = tracked.filter((path) => /^src\/.*\.tsx?$/.test(path)).map((path) => ({ path, text: read(path) }))
const code = tracked
  .filter((path) => /^(src|test|bench|scripts)\/.*\.(tsx?|java)$/.test(path))
  .map((path) => ({ path, text: read(path) }))
const thisFile = 'test/unit/tidy.test.ts'

const longestFile = 500
const longestTestFile = 900
const longestFunction = 70
/** Files that stand directly in one folder. */
const mostFiles = 12
/** Folders that may hold more, and why. */
const LARGE_FOLDERS: Readonly<Record<string, string>> = {}

/** Lines of the given files that match, as `path:line: text`. */
function hits(files: readonly { path: string; text: string }[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
  )
}

/** The text with comments blanked, so that a rule about code does not see prose. */
function withoutComments({ path, text }: { path: string; text: string }): { path: string; text: string } {
  const blank = (comment: string) => comment.replace(/[^\n]/g, ' ')
  return { path, text: text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(^|[\s;{}(])\/\/[^\n]*/g, blank) }
}

const bare = source.map(withoutComments)

describe('the source is tidy', () => {
  it('finds the source', () => {
    assert.ok(source.length > 10 && tracked.includes('package.json'))
  })

  it('code is made from text in one place only', () => {
    const elsewhere = bare.filter(({ path }) => path !== 'src/codegen/emitter.ts')
    assert.deepEqual(hits(elsewhere, /\bnew Function\b|\bnew AsyncFunction\b|\beval\s*\(|node:vm['"]/), [])
  })

  it('the environment is read, and the process ended, only in server/config and cli', () => {
    const elsewhere = bare.filter(({ path }) => !path.startsWith('src/cli/') && !path.startsWith('src/server/config'))
    assert.deepEqual(hits(elsewhere, /\bprocess\.(env|exit)\b/), [])
  })

  it('time goes through lib/clock', () => {
    // Browsers and the demo have clocks of their own.
    const own = /^src\/(lib\/clock\.ts|client\/|cli\/|sandbox\/|server\/config\/follow\.ts)/
    const elsewhere = bare.filter(({ path }) => !own.test(path))
    assert.deepEqual(hits(elsewhere, /\b(Date|performance)\.now\b|(?<![.\w])set(Timeout|Interval)\(/), [])
  })

  it('no barrel files, no drawers', () => {
    assert.deepEqual(
      source
        .map(({ path }) => path)
        .filter((path) => /(^|\/)(utils?|helpers?|common|misc|services?|managers?|core|index)(\.ts$|\/)/.test(path)),
      [],
    )
  })

  it('nothing is left for later and nothing is silenced', () => {
    assert.deepEqual(
      hits(
        code.filter(({ path }) => path !== thisFile),
        /\b(TODO|FIXME|XXX|HACK)\b|@ts-ignore|@ts-nocheck|@ts-expect-error|biome-ignore(?! [^:]+: \S)/,
      ),
      [],
    )
  })

  it('every test runs everywhere: no .only, no skip without a reason', () => {
    const tests = code.filter(({ path }) => path.startsWith('test/') && path !== thisFile)
    assert.deepEqual(
      hits(
        tests,
        /\b(test|it|describe|suite)\.(only|todo)\b|\bonly: true|\bskip: true|\.skip\(\)|\b(test|it|describe)\.skip\(/,
      ),
      [],
    )
  })

  it('every file opens with a comment that says what it is', () => {
    assert.deepEqual(
      source.filter(({ text }) => !/^(#!.*\n)?\s*\/\*\*/.test(text)).map(({ path }) => path),
      [],
    )
  })

  it(`no file is longer than ${longestFile} lines, no test file longer than ${longestTestFile}`, () => {
    const long = code.filter(
      ({ path, text }) => text.split('\n').length > (path.startsWith('test/') ? longestTestFile : longestFile),
    )
    assert.deepEqual(
      long.map(({ path, text }) => `${path}: ${text.split('\n').length}`),
      [],
    )
  })

  it(`no folder of src or of the unit tests holds more than ${mostFiles} files`, () => {
    const folders = new Map<string, number>()
    for (const path of tracked.filter((path) => /^(src|test\/unit)\/.*\.tsx?$/.test(path)))
      folders.set(dirname(path), (folders.get(dirname(path)) ?? 0) + 1)
    assert.deepEqual(
      [...folders].flatMap(([folder, files]) =>
        files > mostFiles && !Object.hasOwn(LARGE_FOLDERS, folder) ? [`${folder}: ${files}`] : [],
      ),
      [],
    )
  })

  it('what another folder of src imports has a doc comment', () => {
    assert.deepEqual(undocumented(), [])
  })

  it(`no function is longer than ${longestFunction} lines`, () => {
    assert.deepEqual(source.flatMap(longFunctions), [])
  })
})

describe('limits', () => {
  const { limits, undescribed } = constantLimits()
  const declared = [...Object.keys(SETTINGS), ...Object.keys(LIMITS), ...limits.map(({ name }) => name)]

  it('every constant that is called a limit says what it bounds, or why it is none (scripts/limits-doc.ts)', () => {
    assert.ok(limits.length > 100)
    assert.deepEqual(undescribed, [])
  })

  it('no two limits have the same name', () => {
    assert.deepEqual(
      declared.filter((name, i) => declared.indexOf(name) !== i),
      [],
    )
  })

  it('every limit that a message names is declared', () => {
    // Names of Kafka's own, of its brokers and topics.
    const known = new Set([...declared, ...Object.keys(ALIASES), ...CONSUMER, ...KAFKA_LIMITS])
    assert.deepEqual(
      source.flatMap(({ path, text }) =>
        literalTexts(path, text).flatMap((literal) =>
          (literal.match(/(?<![\w.])(?:[a-z]+\.)*max(?:\.[a-z]+)+/g) ?? [])
            .filter((name) => !known.has(name))
            .map((name) => `${path}: ${name}`),
        ),
      ),
      [],
    )
  })
})

describe('what is published tells nothing of where it was made', () => {
  it('no machine paths and no hosts of package registries', () => {
    const files = tracked
      .filter((path) => !/\.(png|hex|bin|avro|gz|zst|lz4|snappy)$/.test(path) && path !== thisFile)
      .map((path) => ({ path, text: read(path) }))
    assert.deepEqual(
      hits(
        files,
        /(^|[\s'"`(=:])\/(work|root)\/|\/tmp\/[a-z]|registry\.npmjs\.org|repo\.maven\.apache\.org|repo1\.maven\.org|files\.pythonhosted\.org|deb\.debian\.org/,
      ),
      [],
    )
  })

  it('the lock file names no download addresses', () => {
    assert.deepEqual(hits([{ path: 'package-lock.json', text: read('package-lock.json') }], /"resolved":/), [])
  })

  it('the lock file is complete for every system: what is optional elsewhere is in it too', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).filter(
        (name) =>
          packages[`node_modules/${name}`] === undefined && packages[`${path}/node_modules/${name}`] === undefined,
      ),
    )
    assert.deepEqual(
      missing,
      [],
      'make it anew in a folder that holds package.json alone: npm install --package-lock-only',
    )
  })

  it('one install script is allowed, that of the package that brings Node', () => {
    const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> }
    const lock = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { hasInstallScript?: boolean; os?: string[] }>
    }
    const wanting = Object.entries(lock.packages).filter(
      ([, { hasInstallScript, os }]) => hasInstallScript === true && os === undefined,
    )
    assert.deepEqual(wanting.map(([path]) => path).sort(), ['node_modules/esbuild', 'node_modules/node'])
    // The bundler's own script only saves it a look for its program.
    assert.deepEqual(allowScripts, { node: true, esbuild: false })
  })
})

const KAFKA_LIMITS = ['max.message.bytes', 'socket.request.max.bytes']

/** What the strings and templates of a file say. */
function literalTexts(path: string, text: string): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      found.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return found
}

/** Exports that a file of another top-level folder of src imports, and that have no doc comment: `path: name`. */
function undocumented(): string[] {
  const files = source.map(({ path, text }) => ({
    path,
    statements: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true).statements,
  }))
  const room = (path: string): string => path.split('/')[1]
  const wanted = new Set<string>()
  for (const { path, statements } of files)
    for (const statement of statements) {
      if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue
      const { text } = statement.moduleSpecifier
      const from = join(dirname(path), text)
      const names = statement.importClause?.namedBindings
      if (!text.startsWith('.') || room(from) === room(path) || names === undefined) continue
      if (ts.isNamespaceImport(names)) wanted.add(`${from}: *`)
      else for (const { name, propertyName } of names.elements) wanted.add(`${from}: ${(propertyName ?? name).text}`)
    }
  return files.flatMap(({ path, statements }) => {
    const described = new Set<string>()
    const plain = new Set<string>()
    // Of a file that begins with the export, the comment of the file counts.
    for (const statement of statements)
      for (const name of exportedNames(statement))
        (ts.getJSDocCommentsAndTags(statement).length > 0 ? described : plain).add(name)
    return [...plain]
      .filter((name) => !described.has(name))
      .map((name) => `${path}: ${name}`)
      .filter((symbol) => wanted.has(symbol) || wanted.has(`${path}: *`))
  })
}

function exportedNames(statement: ts.Statement): string[] {
  if (!ts.canHaveModifiers(statement)) return []
  if (!ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map((d) => d.name.getText())
  const { name } = statement as ts.Statement & { readonly name?: ts.Identifier }
  return name === undefined ? [] : [name.text]
}

function longFunctions({ path, text }: { path: string; text: string }): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const first = file.getLineAndCharacterOfPosition(node.getStart()).line
      const lines = file.getLineAndCharacterOfPosition(node.end).line - first + 1
      if (lines > longestFunction) found.push(`${path}:${first + 1}: ${lines} lines`)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}
