/**
 * The formatter: over the whole corpus, with comments and line breaks at any place, it changes white space and the case
 * of keywords alone, keeps every comment, and laying out again changes nothing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatted, sameTokens } from '../../../../src/sql/edit/format.ts'
import { tokenize } from '../../../../src/sql/lex.ts'
import { parseScript } from '../../../../src/sql/parse.ts'
import { CORPUS } from '../corpus.ts'
import { bare } from '../tree.ts'

function holds(text: string): string {
  const first = formatted(text)
  assert.ok(first !== undefined, `not laid out: ${text}`)
  assert.ok(sameTokens(text, first), first)
  assert.equal(formatted(first), first, 'laying out again changes nothing')
  const comments = (sql: string) => tokenize(sql).filter(({ kind }) => kind === 'comment')
  assert.deepEqual(
    comments(first).map((c) => c.text.trimEnd()),
    comments(text).map((c) => c.text.trimEnd()),
  )
  return first
}

test('the whole corpus, as it stands', () => {
  for (const text of CORPUS) {
    const laidOut = holds(text)
    // A view keeps the text of its SELECT as it is written: white space is part of that tree.
    if (!/^\s*create view/i.test(text)) assert.deepEqual(parseScript(laidOut).map(bare), parseScript(text).map(bare))
  }
})

/** Numbers from 0 to 1, the same for the same seed. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test('the corpus with comments and line breaks at random places', () => {
  const seed = 4711
  const next = random(seed)
  const noise = ['\n', ' /* a */ ', ' -- b\n', '\n-- c\n', '\n\n', '\n/* d\n   e */\n', '\t']
  let tried = 0
  for (const text of CORPUS)
    for (let round = 0; round < 6; round++) {
      let noisy = ''
      let done = 0
      for (const token of tokenize(text)) {
        noisy += text.slice(done, token.start)
        if (next() < 0.25) noisy += noise[Math.floor(next() * noise.length)]
        noisy += token.text
        done = token.end
      }
      if (next() < 0.3) noisy += ' -- end'
      // Inside of a name or a bare value the noise makes another text, or none.
      if (formatted(noisy) === undefined) {
        assert.throws(() => parseScript(noisy), `seed ${seed}: ${JSON.stringify(noisy)}`)
        continue
      }
      tried++
      holds(noisy)
    }
  assert.ok(tried > 600, `${tried}`)
})

const LAID_OUT: readonly (readonly [string, string])[] = [
  ['select a,b from t where a=1', 'SELECT a, b FROM t WHERE a = 1\n'],
  ['select Count(*) from `T` where from_x=-1;;', 'SELECT Count(*) FROM `T` WHERE from_x = -1;;\n'],
  [
    'select a, -- the first\n b from t -- all of it\n where x = 1',
    'SELECT\n  a, -- the first\n  b\nFROM t -- all of it\nWHERE x = 1\n',
  ],
  [
    'select currency, count(*) as n, sum(amount) as total from cc_payments where amount > 100 and currency = :c and blocked = false group by currency order by n desc limit 10',
    [
      'SELECT currency, count(*) AS n, sum(amount) AS total',
      'FROM cc_payments',
      'WHERE amount > 100 AND currency = :c AND blocked = FALSE',
      'GROUP BY currency',
      'ORDER BY n DESC',
      'LIMIT 10',
      '',
    ].join('\n'),
  ],
  [
    'set max.size = 1m; select p.id from payments p join customers c on p.customer = c._key where p.amount between 1 and 2 and c.name like "A%" and c.since > now() - "1d"',
    [
      'set max.size = 1m;',
      'SELECT p.id',
      'FROM payments p',
      'JOIN customers c ON p.customer = c._key',
      'WHERE p.amount BETWEEN 1 AND 2 AND c.name LIKE "A%" AND c.since > now() - "1d"',
      '',
    ].join('\n'),
  ],
]
for (const [text, expected] of LAID_OUT)
  test(`laid out: ${text.slice(0, 60)}`, () => assert.equal(holds(text), expected))

test('what cannot be parsed is left alone', () => {
  assert.equal(formatted('select from where'), undefined)
  assert.equal(formatted('-- nothing but this'), undefined)
  assert.equal(formatted("select 'a"), undefined)
})

test('wide conditions and nested queries are broken, and stay readable', () => {
  const text =
    "select * from orders where customer.country in ('PT','PL','DE') and (status = 'late' or status = 'lost' or status = 'unknown to us') and id in (select order_id from payments where amount > 1000 and currency = 'EUR' and approved = true)"
  assert.equal(
    holds(text),
    [
      'SELECT *',
      'FROM orders',
      "WHERE customer.country IN ('PT', 'PL', 'DE')",
      "  AND (status = 'late' OR status = 'lost' OR status = 'unknown to us')",
      '  AND id IN (',
      '    SELECT order_id',
      '    FROM payments',
      "    WHERE amount > 1000 AND currency = 'EUR' AND approved = TRUE",
      '  )',
      '',
    ].join('\n'),
  )
})
