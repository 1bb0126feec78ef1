import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stats } from '../../../src/protocol/frames.ts'
import { continuation } from '../../../src/studio/run/continuation.ts'
import { renderSqlError, SqlError } from '../../../src/sql/error.ts'
import { errorPlace, errorSentence, errorSpan } from '../../../src/studio/run/error-place.ts'
import type { RunEvent } from '../../../src/studio/run/messages.ts'
import { after, begun, goneOn, progressOf, type RunState } from '../../../src/studio/run/run-state.ts'
import { statusText } from '../../../src/studio/run/status-text.ts'

function run(...events: RunEvent[]): RunState {
  return events.reduce((state, event, i) => after(state, event, 1000 + i), begun('SELECT 1', 1000))
}

const ROWS: RunEvent = { what: 'rows', rows: 12_000, bytes: 5, columnsVersion: 1 }
const CUT: RunEvent = {
  what: 'sentinel',
  reason: { type: 'SCANNEDSIZE', amount: 1024, source: 't', sourceId: 's', resume: '_meta.offset >= 10' },
}

test('how a run ends', () => {
  assert.equal(run({ what: 'opened' }).phase, 'running')
  assert.equal(run(ROWS, { what: 'ended' }).phase, 'complete')
  assert.equal(run(ROWS, { what: 'cancelled' }).phase, 'cancelled')
  const cut = run(ROWS, CUT, { what: 'ended' })
  assert.deepEqual([cut.phase, cut.resume], ['limited', '_meta.offset >= 10'])
  assert.match(cut.why ?? '', /1024 bytes were read \(max\.size\)/)
  assert.doesNotMatch(cut.why ?? '', /WHERE/)
  assert.equal(run(CUT, CUT, { what: 'ended' }).resume, undefined, 'two sources: no one condition reads on')
  const full = run(ROWS, { what: 'full', by: 'rows', resume: 'x' })
  assert.deepEqual(
    [full.phase, full.why],
    ['limited', 'The first 12,000 rows are kept (studio.result.rows); export takes all.'],
  )
  const lost = run(ROWS, { what: 'lost', message: 'gone', resume: 'x' })
  assert.deepEqual([lost.phase, lost.rows, lost.resume], ['lost', 12_000, 'x'])
  assert.equal(after(lost, { what: 'ended' }, 9), lost, 'what comes behind the end changes nothing')
})

test('a statement that writes: after a lost connection and a cancel nobody knows how far it came', () => {
  const why = (sql: string, event: RunEvent) => after(begun(sql, 0), event, 1).why
  for (const sql of ['INSERT INTO t (a) VALUES (1)', 'SELECT 1; DELETE FROM t', 'TRUNCATE TABLE t', 'DROP TABLE t']) {
    assert.match(why(sql, { what: 'lost', message: 'Gone.' }) ?? '', /^Gone\. It is not known what of it was done/, sql)
    assert.match(why(sql, { what: 'cancelled' }) ?? '', /^It is not known/, sql)
  }
  for (const sql of ['SELECT 1', 'SET a = 1; SHOW TABLES', 'EXPLAIN DELETE FROM t', 'SELECT * FORM t'])
    assert.deepEqual(
      [why(sql, { what: 'lost', message: 'Gone.' }), why(sql, { what: 'cancelled' })],
      ['Gone.', undefined],
    )
})

test('continued: the rows stay, why it stopped does not', () => {
  const on = goneOn(run(ROWS, CUT, { what: 'ended' }), 'SELECT 2', 5000)
  assert.deepEqual(
    [on.phase, on.rows, on.why, on.reasons.length, on.asked, on.sql],
    ['connecting', 12_000, undefined, 0, 'SELECT 1', 'SELECT 2'],
  )
})

test('progress and the words of the status line', () => {
  const stats = {
    sourcesStats: { s: { 0: { begin: 0, offsetBound: 99, end: 99 }, 1: { begin: 0, offsetBound: 299, end: 99 } } },
    recordsScanned: 200,
    bytesRead: 14_000_000,
    duration: 2000,
  } as unknown as Stats
  const state = run(ROWS, { what: 'stats', stats })
  assert.deepEqual(progressOf(state), {
    scanned: 200,
    bytesRead: 14_000_000,
    perSecond: 100,
    partitions: 2,
    partitionsDone: 1,
    share: 0.5,
    secondsLeft: 2,
  })
  assert.equal(
    statusText(state, 2500).join(' · '),
    'Running · 12,000 rows · 200 records read · 14 MB · 1 of 2 partitions · 100 records/s · 2 s left · 1.5 s',
  )
})

test('the statement that reads on', () => {
  const sql = (text: string, received = 10) => continuation(text, '_meta.offset >= 10 OR _meta.partition = 1', received)
  assert.deepEqual(sql("SET max.size='1k'; SELECT * FROM t WHERE a = 1 OR b = 2"), {
    sql: 'SET max.size = 1k;\nSELECT * FROM t WHERE (a = 1 OR b = 2) AND (_meta.offset >= 10 OR _meta.partition = 1)',
  })
  assert.match((sql('SELECT * FROM t LIMIT 100') as { sql: string }).sql, /LIMIT 90$/)
  for (const [text, why] of [
    ['SELECT * FROM t LIMIT 10', /LIMIT/],
    ['SELECT count(*) FROM t', /aggregate/],
    ['SELECT 1 + sum(a) FROM t', /aggregate/],
    ['SELECT a FROM t GROUP BY a', /aggregate/],
    ['SELECT * FROM t ORDER BY a', /ORDER BY/],
    ['SELECT DISTINCT a FROM t', /DISTINCT/],
    ['SELECT * FROM t UNION ALL SELECT * FROM u', /combination/],
    ['SELECT * FROM t JOIN u ON t.a = u.a', /one topic/],
    ['SELECT * FROM t; SELECT * FROM u', /one SELECT/],
    ['SELEC', /./],
  ] as const)
    assert.match((sql(text) as { refused: string }).refused ?? 'not refused', why, text)
})

test('the place of an error', () => {
  const message = 'Unknown column "Nope".\n2 | FROM t WHERE Nope = 1\n  |              ^^^^\nhint: x'
  assert.deepEqual(errorPlace(message), { line: 2, from: 13, to: 17 })
  const text = 'SELECT *\nFROM t WHERE Nope = 1'
  const span = errorSpan(text, { line: 2, from: 13, to: 17 })
  assert.equal(text.slice(span?.from, span?.to), 'Nope')
  assert.equal(errorSentence(message), 'Unknown column "Nope".')
  assert.equal(errorPlace('no place'), undefined)
})

/** What an error on `word` marks of a text. */
function marked(sql: string, word: string): string | undefined {
  const start = sql.indexOf(word)
  const message = renderSqlError(new SqlError('SYNTAX', 'No.', { start, end: start + word.length }), sql)
  const place = errorPlace(message, sql)
  const span = place === undefined ? undefined : errorSpan(sql, place)
  return span === undefined ? undefined : sql.slice(span.from, span.to)
}

test('the place of an error is that of the word, whatever stands before it', () => {
  const combining = 'cafe\u0301'
  const numbers = Array.from({ length: 80 }, (_, i) => `c${i}`).join(', ')
  for (const before of [
    '',
    "'東京都' AS a, ",
    `'${combining} ${combining}' AS a, `,
    "'👍🏽🇩🇪𝒳' AS a, ",
    '\t\u200d',
    `${numbers}, `,
  ]) {
    for (const word of ['nme', '名前', combining, 'a𝒳b'])
      assert.equal(marked(`SELECT 1,\r\n ${before}${word} , x\nFROM t`, word), word, before + word)
    assert.equal(marked(`SELECT ${before}nme, ${numbers}`, 'nme'), 'nme')
  }
  assert.equal(marked(`SELECT '東京' AS ${'東'.repeat(130)}`, '東'.repeat(130))?.[0], '東')
  // A line of nothing but repetitions shows no place rather than a wrong one.
  const periodic = 'a,'.repeat(500)
  const span = { start: 400, end: 401 }
  assert.equal(errorPlace(renderSqlError(new SqlError('SYNTAX', 'No.', span), periodic), periodic), undefined)
})
