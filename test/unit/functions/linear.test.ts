/**
 * Functions and LIKE over texts that were made to be slow: what they cost grows with the text, or a limit with a name
 * ends it.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { mock, test } from 'node:test'
import { likeMatcher } from '../../../src/functions/support/like.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { statesAbout } from '../../../src/functions/support/regex-states.ts'
import { reversed, withoutAccents } from '../../../src/functions/support/text.ts'
import { findText, splitText, TextSearch } from '../../../src/lib/text/find-text.ts'
import { evaluate, show } from './evaluate.ts'

const random = (() => {
  let state = 42
  return (n: number) => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state % n
  }
})()
const letters = (count: number, alphabet: readonly string[]): string =>
  Array.from({ length: count }, () => alphabet[random(alphabet.length)]).join('')

/** Processor time of this thread: others on the machine do not count. */
function cpuMs(work: () => unknown): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

/**
 * What was quadratic took 16 times as long for a text 4 times as long; a linear one takes 4 times as long, give or take
 * the collector. The shortest of three counts.
 */
function growsLinearly(work: (size: number) => unknown, size: number): void {
  const best = (n: number) => Math.min(...[1, 2, 3].map(() => cpuMs(() => work(n))))
  const [small, large] = [best(size), best(4 * size)]
  assert.ok(large < 10 * small + 20, `${small} ms for ${size} characters, ${large} ms for ${4 * size}`)
}

const fails = (sql: string): string => {
  try {
    evaluate(sql)
  } catch (e) {
    return (e as Error).message
  }
  return assert.fail(`no error: ${sql}`)
}

test('a text that is nearly a number is refused in linear time', () => {
  for (const type of ['double', 'float', 'int', 'decimal', 'boolean', 'uuid', 'date', 'timestamp', 'time'])
    for (const unit of ['1', ' ', '1.', '1e', '-', '0 '])
      growsLinearly(
        (size) => assert.match(fails(`CAST(CONCAT(LPAD('', ${size}, '${unit}'), 'x') AS ${type})`), /^CAST: /),
        50_000,
      )
})

test('STRIPACCENTS of any number of marks', () => {
  growsLinearly((size) => withoutAccents(`a${'\u0307\u0323'.repeat(size)}`), 20_000)
  // Marks that stay, as they take room of their own.
  growsLinearly((size) => withoutAccents(`a${'\u302e\u{1d165}'.repeat(size)}`), 20_000)
  assert.equal(withoutAccents(`a${'\u0307\u0323'.repeat(150_000)}b`), 'ab')
  for (let i = 0; i < 300; i++) {
    const text = letters(random(40), ['e', 'é', '\u0301', '\u0323', 'ł', '한', '각', 'ﬁ', '\u0903', ' '])
    assert.equal(
      withoutAccents(text),
      text
        .normalize('NFD')
        .replace(/\p{Mn}+/gu, '')
        .replace(/ł/g, 'l')
        .normalize('NFC'),
    )
  }
})

test('REVERSE goes piece by piece and leaves pairs whole', () => {
  for (const text of ['', 'a', '🛳', 'x🛳'.repeat(5000), `y${'🛳'.repeat(9000)}`, 'abc'.repeat(4001)])
    assert.equal(reversed(text), [...text].reverse().join(''))
})

test('long targets are found in linear steps', () => {
  const text = 'a'.repeat(1_000_000)
  const search = new TextSearch(`b${'a'.repeat(100_000)}`)
  assert.equal(search.in(text), -1)
  assert.ok(search.steps < 2_300_000, `${search.steps}`)
  const other = new TextSearch(`${'a'.repeat(100_000)}b`)
  assert.equal(other.in(text), -1)
  assert.ok(other.steps < 2_300_000, `${other.steps}`)
  for (let i = 0; i < 300; i++) {
    const target = letters(60 + random(20), ['a', 'a', 'a', 'b'])
    const around =
      letters(random(100), ['a', 'b']) +
      (random(2) === 0 ? target : target.slice(1)) +
      target +
      letters(random(100), ['a', 'b'])
    assert.equal(findText(around, target), around.indexOf(target))
    assert.equal(findText(around, target, 50), around.indexOf(target, 50))
    assert.deepEqual(splitText(around, target), around.split(target))
  }
})

test('LIKE agrees with a regular expression', () => {
  for (let i = 0; i < 3000; i++) {
    const pattern = letters(random(8), ['a', 'b', '_', '%', '🛳', '%'])
    const text = letters(random(12), ['a', 'b', '🛳'])
    const expected = new RegExp(`^${pattern.replaceAll('_', '.').replaceAll('%', '.*')}$`, 'su').test(text)
    assert.equal(likeMatcher(pattern)(text), expected, `${text} LIKE ${pattern}`)
  }
})

test('LIKE is linear, or says which limit ended it', () => {
  const [text, long] = ['a'.repeat(1_000_000), 'a'.repeat(100_000)]
  assert.equal(likeMatcher(`%${long}_b`)(text), false)
  assert.equal(likeMatcher(`${long}_b%`)(text), false)
  assert.equal(likeMatcher(`%b${long}%`)(text), false)
  assert.throws(
    () => likeMatcher(`%${long}_b%`)(text),
    /^Error: LIKE: .*function\.max\.like\.steps \(default 50000000\)\.$/,
  )
  // All places begin a try, and each try is short: no reason to stop.
  assert.equal(likeMatcher('%a_b%')(text), false)
})

test('functions that look for a text in a text', () => {
  const sqls = (size: number): readonly [string, string][] => {
    const [text, target] = [`LPAD('', ${size * 10}, 'a')`, `CONCAT('b', LPAD('', ${size}, 'a'))`]
    return [
      [`CONTAINS(${text}, ${target})`, 'false'],
      [`INDEXOF(${text}, ${target})`, '-1'],
      [`POSITION(${target}, ${text})`, '0'],
      [`LEN(REPLACE(${text}, ${target}, 'x'))`, String(size * 10)],
      [`SIZEOF(SPLIT(${text}, ${target}))`, '1'],
    ]
  }
  for (const i of [0, 1, 2, 3, 4])
    growsLinearly((size) => assert.equal(show(sqls(size)[i][0]), sqls(size)[i][1]), 10_000)
})

test('INTERVAL of a long text', () => {
  const module = join(import.meta.dirname, '../../../src/sql/interval.ts')
  const script = `import { intervalsText } from ${JSON.stringify(module)}; console.log(intervalsText('1'.repeat(1e6)), intervalsText(' 1 day 2  hours '), intervalsText('1 day, 2 hours'))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.equal(stdout, 'undefined 1d 2h undefined\n')
})

test('a regular expression has a limit of states, before and after it is compiled', () => {
  const repeated = `${'(?:x?){999}'.repeat(20)}[yz]`
  for (const name of ['REGEXP', 'REGEX_MATCHES'])
    assert.match(
      fails(`${name}('xx', '${repeated}')`),
      /^\w+: the pattern has more states than function\.max\.regex\.states/,
    )
  assert.equal(show(`REGEXP('xxy', '(?:x?){999}[yz]')`), '["xxy"]')
})

test('states are estimated, and never more than there are', () => {
  const cases: readonly (readonly [pattern: string, states: number])[] = [
    ['abc', 3],
    ['abc{3}', 5],
    ['(abc){3}', 9],
    ['(?:a|b){2,4}', 8],
    ['((a{10}){10}){9}', 900],
    ['[^]a{9}]{5}', 5],
    ['[a\\]{9}]{5}', 5],
    ['\\{9}', 3],
    ['\\Qa{9}\\E', 8],
    ['\\p{Lu}{10}', 10],
    ['a{2,}', 2],
    ['(?<name>a){3}(?i)b{2}', 5],
    ['(((', 0],
    ['{9}', 0],
  ]
  for (const [pattern, states] of cases) assert.equal(statesAbout(pattern), states, pattern)
  growsLinearly((size) => statesAbout('('.repeat(size)), 20_000)
  growsLinearly((size) => statesAbout('[a'.repeat(size)), 20_000)
})

test('a regular expression of many states takes no text of any length', () => {
  const pattern = '(?:[a-q][^u-z]|x.){300}$'
  assert.match(
    fails(`REGEXP(LPAD('', 40000, 'x'), '${pattern}')`),
    /^REGEXP: the states of the pattern times the characters of the text are more than function\.max\.regex\.steps/,
  )
  assert.equal(show(`REGEXP(LPAD('', 40000, 'x'), 'x+(y)?$')`), '[null]')
})

test('REGEX_MATCHES does not look for matches for ever', () => {
  let now = 0
  const clock = mock.method(systemClock, 'monotonic', () => (now += 999))
  assert.match(fails(`REGEX_MATCHES('aaaaaaaa', 'a(.*b)?')`), /function\.max\.regex\.time/)
  clock.mock.restore()
  assert.equal(show(`REGEX_MATCHES('aa', 'a(.*b)?')`), '[[null],[null]]')
})
