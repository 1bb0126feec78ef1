/** What goes to Flink as text, and what comes back as numbers. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { kafkaProperties, registryProperties } from '../../../src/flink/kafka-properties.ts'
import { nearest } from '../../../src/flink/translate/aggregates.ts'
import { double, list, MAX_STATEMENT, name, once, sql, staged, text } from '../../../src/flink/translate/flink-sql.ts'
import { Refusal } from '../../../src/flink/translate/refusal.ts'
import { jacksonText, readCarrier } from '../../../src/flink/translate/terms.ts'

describe('text of users in Flink SQL', () => {
  it('has an end, however often rows are read twice for it', () => {
    let rows = sql`SELECT 1`
    assert.throws(
      () => {
        for (let i = 0; i < 40; i++) rows = sql`SELECT * FROM (${rows}) AS a LEFT JOIN (${rows}) AS b ON TRUE`
      },
      (error: Error) => error instanceof Refusal && /flink\.statement\.max\.length/.test(error.message),
    )
    assert.ok(rows.text.length <= MAX_STATEMENT)
  })
  it('is a literal that ends where it should', () => {
    assert.equal(text("it's; DROP TABLE x --").text, "'it''s; DROP TABLE x --'")
    assert.equal(text('\\').text, "'\\'")
    assert.equal(text("ä'\\\n").text, "U&'\\00e4''\\\\\\000a'")
    assert.equal(text('😀').text, "U&'\\d83d\\de00'")
    assert.throws(() => text('\ud83d'), Refusal)
  })
  it('is a literal whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const { text: written } = text(value)
        const inside = written.slice(written.indexOf("'") + 1, -1)
        // No quote stands alone, and nothing but printable ASCII goes out.
        assert.doesNotMatch(inside.replaceAll("''", ''), /'/)
        assert.match(written, /^[ -~]*$/)
      }),
    )
  })
  it('is a name that ends where it should', () => {
    assert.equal(name('a`; --').text, '`a``; --`')
  })
  it('numbers are written as they are', () => {
    assert.equal(double(-0).text, '(-CAST(RAND_INTEGER(1) AS DOUBLE))')
    assert.equal(double(1e300).text, "CAST('1e+300' AS DOUBLE)")
    assert.throws(() => double(Number.NaN), Refusal)
  })
})

describe('what is computed once', () => {
  it('stands in a SELECT below, however often and deep it is used', () => {
    let piece = sql`F(${name('c0')})`
    for (let i = 0; i < 40; i++) {
      const x = once(piece)
      piece = sql`CASE WHEN ${x} > 0 THEN ${x} ELSE -${x} END`
    }
    const rows = staged(sql`SELECT c0 FROM t`, [piece])
    assert.ok(rows.text.length < 40 * 300, `${rows.text.length}`)
    assert.equal(rows.text.split('F(`c0`)').length, 2)
  })
  it('is shared between places that need the same', () => {
    const x = once(sql`F(${name('c0')})`)
    const all = list([sql`G(${x})`, sql`H(${x})`], ', ')
    assert.equal(staged(sql`t`, [all]).text.split('F(`c0`)').length, 2)
  })
})

describe('sums of doubles', () => {
  it('of one double are that double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), (x) => {
        const scaled = x * 2 ** 104
        if (!Number.isInteger(scaled)) return
        assert.equal(nearest(BigInt(scaled), 104), x === 0 ? 0 : x)
      }),
    )
  })
  it('go to the even neighbour from the middle between two', () => {
    const base = 2n ** 54n
    for (const [more, rounded] of [
      [1n, 0],
      [2n, 0],
      [3n, 4],
      [6n, 8],
    ] as const) {
      assert.equal(nearest(base + more, 0), 2 ** 54 + rounded)
      assert.equal(nearest(-base - more, 0), -(2 ** 54) - rounded)
    }
    // Anything behind the middle is beyond it.
    assert.equal(nearest((base + 2n) * 2n ** 60n + 1n, 60), 2 ** 54 + 4)
  })
  it('are the nearest double of the exact sum', () => {
    const parts = [0.1, 0.2].map((x) => BigInt(x * 2 ** 60) << 44n)
    assert.equal(nearest(parts[0] + parts[1], 104), 0.1 + 0.2)
  })
})

it('JSON texts are what Jackson writes', () => {
  assert.equal(jacksonText('a"\\/\b\u0001ä\u2028'), '"a\\"\\\\/\\b\\u0001ä\u2028"')
})

it('carriers come back without losing a digit', () => {
  assert.equal(readCarrier('9007199254740993', { kind: 'long' }), 9007199254740993n)
  assert.equal(readCarrier('12345678901234567890', { kind: 'json' }), 12345678901234567890n)
  assert.equal(readCarrier('"5"', { kind: 'json' }), '5')
  assert.equal(readCarrier('TRUE', { kind: 'boolean' }), true)
  assert.equal(String(readCarrier('1.50', { kind: 'decimal' })), '1.50')
  assert.deepEqual(readCarrier('/wA=', { kind: 'bytes' }), Buffer.from([255, 0]))
})

describe('how Flink reaches Kafka and the registry', () => {
  it('with the login of the environment, which counts as secret', () => {
    const { properties, secrets } = kafkaProperties({
      brokers: ['a:1', 'b:2'],
      tls: { ca: 'CA' },
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'an"na', password: 'p\\w' },
    })
    assert.deepEqual(properties, {
      'bootstrap.servers': 'a:1,b:2',
      'security.protocol': 'SASL_SSL',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': 'CA',
      'sasl.mechanism': 'SCRAM-SHA-512',
      'sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required username="an\\"na" password="p\\\\w";',
    })
    assert.ok(secrets.has('sasl.jaas.config'))
  })
  it('by properties that are given, which come first and are not shown', () => {
    const { properties, secrets } = kafkaProperties({ brokers: ['a:1'] }, { 'bootstrap.servers': 'inner:9092' })
    assert.deepEqual(properties, { 'bootstrap.servers': 'inner:9092' })
    assert.ok(secrets.has('bootstrap.servers'))
  })
  it('a login in the address of the registry is a secret like any other', () => {
    for (const found of [
      registryProperties({ url: 'http://ana:ge%3Aheim@registry:8081/path/' }, undefined),
      registryProperties({ url: 'http://other' }, 'http://ana:ge%3Aheim@registry:8081/path'),
    ]) {
      assert.deepEqual(found?.properties, {
        url: 'http://registry:8081/path',
        'basic-auth.credentials-source': 'USER_INFO',
        'basic-auth.user-info': 'ana:ge:heim',
      })
      assert.ok(found.secrets.has('basic-auth.user-info'))
    }
  })

  it('the registry with its login', () => {
    const registry = registryProperties({ url: 'http://r', username: 'u', password: 'p' }, undefined)
    assert.equal(registry?.properties['basic-auth.user-info'], 'u:p')
    assert.ok(registry?.secrets.has('basic-auth.user-info'))
  })
})
