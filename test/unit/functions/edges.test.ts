/**
 * Edges of the functions: NULL, empty, negative and huge arguments, surrogate pairs, 64-bit integers, decimals, dynamic
 * values, limits.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { findFunction, SCALAR_FUNCTIONS } from '../../../src/functions/all-functions.ts'
import { ValueError } from '../../../src/functions/function.ts'
import { Decimal } from '../../../src/lib/decimal.ts'
import { JsonText } from '../../../src/lib/json-text.ts'
import type { DataType, Value } from '../../../src/types.ts'
import { DECIMAL, DOUBLE, INT, JSON_TYPE, LONG, NULL_TYPE, STRING } from '../../../src/types.ts'
import { CONTEXT, call, dynamic, evaluate, show } from './evaluate.ts'

/** Calls a function with one type for all arguments. */
function typed(name: string, type: DataType, ...values: Value[]): Value {
  const fn = findFunction(name)
  assert.ok(fn !== undefined, name)
  return call(
    fn,
    values.map((value) => ({ type, value })),
  ).value
}

const decimal = (text: string): Decimal => Decimal.parse(text) as Decimal

const RESULTS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'empty strings': [
    ["CHOP('')", ''],
    ["CAPITALIZE('')", ''],
    ["ABBREVIATE('', 4)", ''],
    ["REVERSE('')", ''],
    ["INITIALS('')", ''],
    ["EMAIL('')", ''],
    ["FIRST1('')", '*****'],
    ["SPLIT('', ',')", '[""]'],
    ["REPLACE('abc', '', 'x')", 'abc'],
    ["LPAD('', 3, '')", '   '],
    ["INDEXOF('abc', '')", '0'],
    ["DIGITS('')", ''],
    ["DECODE64('')", ''],
    ["REGEX_MATCHES('', 'a')", '[]'],
  ],
  'counts below zero and beyond the end': [
    ["TAKELEFT('abc', -1)", ''],
    ["TAKERIGHT('abc', -1)", ''],
    ["DROPLEFT('abc', -1)", 'abc'],
    ["DROPRIGHT('abc', -1)", 'abc'],
    ["TRUNCATE('abc', -1)", ''],
    ["TAKELEFT('abc', 99)", 'abc'],
    ["TAKERIGHT('abc', 99)", 'abc'],
    ["DROPLEFT('abc', 99)", ''],
    ["DROPRIGHT('abc', 99)", ''],
    ["TAKELEFT('abc', 9223372036854775807)", 'abc'],
    ["DROPLEFT('abc', 9223372036854775807)", ''],
    ["SUBSTR('abc', 99)", ''],
    ["SUBSTR('abc', -99)", 'abc'],
    ["SUBSTR('abc', 2, 1)", ''],
    ["SUBSTR('abc', -3, -1)", 'ab'],
    ["LPAD('abc', -5, 'x')", 'abc'],
    ["RPAD('abc', 2, 'x')", 'abc'],
    ["CENTER('abc', 0, 'x')", 'abc'],
    ['ELEMENT_OF([1], -1)', 'null'],
    ['ELEMENT_OF([1], 9223372036854775807)', 'null'],
    ["REPEAT('x', 0)", '[]'],
  ],
  'surrogate pairs are never split': [
    ["TAKELEFT('🛳x', 1)", ''],
    ["TAKELEFT('🛳x', 2)", '🛳'],
    ["TAKERIGHT('x🛳', 1)", ''],
    ["DROPLEFT('🛳x', 1)", 'x'],
    ["DROPRIGHT('x🛳', 1)", 'x'],
    ["CHOP('a🛳')", 'a'],
    ["REVERSE('a🛳b')", 'b🛳a'],
    ["ABBREVIATE('a🛳bcdef', 5)", 'a...'],
    ["CAPITALIZE('𐐨bc')", '𐐀bc'],
    ["LPAD('x', 4, '🛳')", '🛳x'],
    ["MASK('🛳')", '**'],
    ["FIRST1('🛳x')", '*****'],
    ["EMAIL('🛳x@quay.example')", '🛳*****@quay.example'],
    ["SPLIT('🛳a', '')", '["🛳","a"]'],
    ["SUBSTR('a🛳b', 2)", 'b'],
  ],
  letters: [
    ["STRIPACCENTS('Łódź')", 'Lodz'],
    ["STRIPACCENTS('한국')", '한국'],
    ["STRIPACCENTS('smørrebrød')", 'smørrebrød'],
    ["SWAPCASE('Straße')", 'sTRASSE'],
    ["UNCAPITALIZE('  MV Otter')", '  mV otter'],
    ["INITIALS('  Mara  de  Holt ')", 'MdH'],
    ["DIGITS('٣a3')", '٣3'],
    ["DELETEWHITESPACE('a\t b\n')", 'ab'],
    ["CONCAT(true, 1, 2.0, 'x', [1, 2])", 'true12.0x[1,2]'],
    ['CONCAT(NULL)', ''],
    ["CONCAT(TO_TIMESTAMP(0), '/', EXTRACT_DATE(TO_TIMESTAMP(0)))", '1970-01-01T00:00:00Z/1970-01-01'],
  ],
  masking: [
    ["FIRST4('Mara')", 'Mara*****'],
    ["FIRST4('Mar')", '*****'],
    ["LAST4('Mara')", '*****Mara'],
    ["LAST4('Mar')", '*****'],
    ["EMAIL('mara')", 'm*****'],
    ["EMAIL('@quay.example')", '*****@quay.example'],
    ["EMAIL('a@b@quay.example')", 'a*****@quay.example'],
    ['ANONYMIZE(12.5)', '0.0'],
    ['MASK(7, 9)', '9'],
  ],
  numbers: [
    ['ROUND(0.49999999999999994)', '0'],
    ['ROUND(-0.5)', '0'],
    ['ROUND(-2.500001)', '-3'],
    ['ROUND(7)', '7'],
    ['CEIL(-0.5)', '0'],
    ['FLOOR(1e18)', '1000000000000000000'],
    ['ABS(9223372036854775807)', '9223372036854775807'],
    ['NEG(0)', '0'],
    ['NEG(9007199254740993)', '-9007199254740993'],
    ['SIGN(9007199254740993)', '1'],
    ['MOD(9223372036854775807, 10)', '7'],
    ['MOD(-6, 3)', '0'],
    ['MOD(5.5, 2)', '1.5'],
    ['POW(2, 62)', '4611686018427387904'],
    ['POW(-2, 63)', '-9223372036854775808'],
    ['POW(0, 0)', '1'],
    ['POW(0, 5)', '0'],
    ['POW(-1, 9223372036854775807)', '-1'],
    ['POW(1, 9223372036854775806)', '1'],
    ['POWER(2.0, 0.5)', '1.4142135623730951'],
    ['MAX(9007199254740993, 9007199254740992)', '9007199254740993'],
    ['MAX(1, NULL, 3)', 'null'],
    ["MIN('b', 'a', 'c')", 'a'],
    ['MAX(3, 8.5)', '8.5'],
    ['DISTANCE(0, 0, 0, 0)', '0.0'],
    ['ROUND(DISTANCE(0, 0, 0, 180))', '20015087'],
    ['ROUND(DISTANCE(90, 0, -90, 0))', '20015087'],
    ['SQRT(-1)', 'NaN'],
    ['LN(0)', '-Infinity'],
  ],
  arrays: [
    ['FLATTEN([[1], NULL, [2]])', '[1,2]'],
    ['IN_ARRAY(NULL, [1])', 'null'],
    ['IN_ARRAY(3, [3.0])', 'true'],
    ["IN_ARRAY('3', [3])", 'false'],
    ['IN_ARRAY([1, 2], [[1, 2]])', 'true'],
    ['IN_ARRAY(9007199254740993, [9007199254740992])', 'false'],
    ["ZIP([1, 2, 3], 'a', [4], 'b', [5, 6], 'c')", '[{"a":1,"b":4,"c":5}]'],
    ["ZIP_ALL([1], 'a', [4, 5], 'a')", '[{"a":1,"a":4},{"a":null,"a":5}]'],
    ['REPEAT([1], 2)', '[[1],[1]]'],
    ['ELEMENT_OF(FLATTEN([[7], [8]]), 1)', '8'],
  ],
  'regular expressions': [
    ["REGEXP('ab', '(a)|(x)')", '["a",null]'],
    ["REGEX_MATCHES('aXbX', '[a-z]')", '[["a"],["b"]]'],
    ["REGEXP('é🛳', '(.)$')", '["🛳"]'],
    ["REGEXP('AB', '(?i)(b)')", '["B"]'],
    ["REGEX_MATCHES('aa', 'x*')", '[[""],[""],[""]]'],
    ["REGEXP('2024-02', '(?P<year>\\d{4})-(\\d{2})')", '["2024","02"]'],
  ],
  'NULL goes through': [
    ["LPAD(NULL, 3, 'x')", 'null'],
    ["SUBSTR('abc', NULL)", 'null'],
    ['YEAR(NULL)', 'null'],
    ['COALESCE(NULL, NULL)', 'null'],
    ['NULLIF(NULL, 1)', 'null'],
    ['NULLIF(1, NULL)', '1'],
    ['NULLIF(2, 2.0)', 'null'],
    ['COALESCE(1, 2.5)', '1.0'],
    ['MKSTRING(NULL)', 'null'],
    ['AS_NON_NULLABLE(NULL)', 'null'],
  ],
}

for (const [title, rows] of Object.entries(RESULTS)) {
  describe(title, () => {
    for (const [sql, result] of rows) test(sql, () => assert.equal(show(sql), result))
  })
}

describe('values that a function cannot take are errors in words', () => {
  const ERRORS: readonly (readonly [string, RegExp])[] = [
    ["ABBREVIATE('abc', 3)", /ABBREVIATE.* 4 or more/],
    ["LPAD('x', 999999999, 'y')", /LPAD.*function\.max\.string\.bytes.*16777216/],
    ["RPAD('x', 9223372036854775807, 'y')", /RPAD.*function\.max\.string\.bytes/],
    ["CENTER('x', 6000000, '好')", /CENTER.*function\.max\.string\.bytes/],
    ["REPEAT('x', 2000000)", /REPEAT.*function\.max\.array\.items.*1000000/],
    ["DECODE64('a')", /DECODE64/],
    ["DECODE64('%%%')", /DECODE64/],
    ["REGEXP('x', '(')", /REGEXP.*not a regular expression/],
    ["REGEXP('x', 'a(?=b)')", /REGEXP.*looks around or back, which is not offered/],
    ['MOD(1, 0)', /MOD: division by zero/],
    ['POW(2, 63)', /POW.*does not fit a long/],
    ['POW(2, 999999999)', /POW.*does not fit a long/],
    ['POW(2, -1)', /POW.*double/],
    ['ROUND(1e19)', /ROUND.*does not fit a long/],
    ['ROUND(SQRT(-1))', /ROUND: NaN/],
    ["JSON_EXTRACT_FIRST('{', '$.a')", /JSON_EXTRACT_FIRST: the text is not JSON/],
    ["JSON_EXTRACT_FIRST('{}', '$.a[')", /JSON_EXTRACT_FIRST.*position 5/],
  ]
  for (const [sql, message] of ERRORS) {
    test(sql, () =>
      assert.throws(
        () => show(sql),
        (error) => error instanceof ValueError && message.test(error.message),
      ),
    )
  }
  test('ABS of the least int and the least long', () => {
    assert.throws(() => typed('abs', INT, -2147483648), /ABS.*does not fit an int/)
    assert.throws(() => typed('neg', LONG, -(2n ** 63n)), /NEG.*does not fit a long/)
    assert.equal(typed('abs', LONG, -2147483648), 2147483648)
  })
  test('a string can double only up to the limit', () => {
    const long = 'a'.repeat(9_000_000)
    assert.throws(() => typed('concat', STRING, long, long), /CONCAT.*function\.max\.string\.bytes/)
    assert.throws(() => typed('replace', STRING, long, 'a', 'bcd'), /REPLACE.*function\.max\.string\.bytes/)
    assert.throws(() => typed('base64', STRING, 'a'.repeat(14_000_000)), /BASE64.*function\.max\.string\.bytes/)
    assert.equal((typed('replace', STRING, long, 'a', 'b') as string).length, long.length)
  })
  test('types that do not go together', () => {
    assert.throws(() => evaluate("MAX('a', 1)"), /MAX compares values of one type, not string and int/)
    assert.throws(() => evaluate("COALESCE('a', 1)"), /COALESCE needs values of one type/)
    assert.throws(() => evaluate('FLATTEN([1])'), /FLATTEN expects an array of arrays/)
    assert.throws(() => evaluate("ZIP([1], 'a', [2])"), /ZIP expects pairs/)
    assert.throws(() => evaluate('ANONYMIZE([1])'), /ANONYMIZE hides strings and numbers/)
    assert.throws(() => evaluate('ANONYMIZE(1, 2, 3)'), /no argument 3/)
    assert.throws(() => evaluate('YEAR(TIME_MILLIS(1))'), /YEAR needs a date/)
    assert.throws(
      () => evaluate('YEAR(true)'),
      /YEAR takes a date, a time, a timestamp, ISO text or milliseconds, not boolean/,
    )
    assert.throws(() => evaluate("TIMESTAMP('2024-02-29', [1], 'UTC')"), /TIMESTAMP takes a date/)
  })
})

describe('decimals stay exact', () => {
  const CASES: readonly (readonly [string, readonly string[], string])[] = [
    ['abs', ['-0.10'], '0.10'],
    ['neg', ['12345678901234567890.123'], '-12345678901234567890.123'],
    ['round', ['2.5'], '3'],
    ['round', ['-2.5'], '-2'],
    ['round', ['-2.51'], '-3'],
    ['floor', ['-0.1'], '-1'],
    ['floor', ['12345678901234567890.9'], '12345678901234567890'],
    ['ceil', ['12345678901234567890.1'], '12345678901234567891'],
    ['ceil', ['-0.9'], '0'],
    ['mod', ['7.5', '2'], '1.5'],
    ['mod', ['-7.5', '2'], '-1.5'],
    ['max', ['0.1', '0.10000000000000000001'], '0.10000000000000000001'],
    ['min', ['1', '1.0'], '1'],
    ['anonymize', ['12.34'], '0.00'],
  ]
  for (const [name, args, result] of CASES) {
    test(`${name}(${args.join(', ')})`, () => assert.equal(String(typed(name, DECIMAL, ...args.map(decimal))), result))
  }
  test('powers', () => {
    const pow = findFunction('pow')
    assert.ok(pow !== undefined)
    const power = (base: string, exponent: number): string =>
      String(
        call(pow, [
          { type: DECIMAL, value: decimal(base) },
          { type: INT, value: exponent },
        ]).value,
      )
    assert.equal(power('1.1', 3), '1.331')
    assert.throws(() => power('1.1', 1_000_000), /function\.max\.decimal\.digits.*1000/)
    assert.throws(() => power('1.1', -1), /cast it to double/)
  })
  test('with doubles and longs', () => {
    const max = findFunction('max')
    assert.ok(max !== undefined)
    assert.equal(
      String(
        call(max, [
          { type: DECIMAL, value: decimal('0.3') },
          { type: DOUBLE, value: 0.1 },
        ]).value,
      ),
      '0.3',
    )
    assert.equal(
      String(
        call(max, [
          { type: DECIMAL, value: decimal('0.3') },
          { type: LONG, value: 9007199254740993n },
        ]).value,
      ),
      '9007199254740993',
    )
  })
})

describe('dynamic (json) arguments', () => {
  test('scalars are taken as what they are', () => {
    assert.equal(dynamic('upper', 'quay'), 'QUAY')
    assert.equal(dynamic('lpad', '7', 3, '0'), '007')
    assert.equal(dynamic('abs', -9007199254740993n), 9007199254740993n)
    assert.equal(dynamic('round', 2.5), 3)
    assert.equal(dynamic('mod', 7, 4), 3)
    assert.equal(dynamic('pow', 2, -1), 0.5)
    assert.equal(dynamic('max', 1, 2.5), 2.5)
    assert.equal(dynamic('max', 'a', 'b'), 'b')
    assert.equal(dynamic('coalesce', null, 5), 5)
    assert.equal(dynamic('year', '2024-02-29T07:05:05Z'), 2024)
    assert.equal(dynamic('year', 1709190305410), 2024)
    assert.equal(dynamic('anonymize', 42), 0)
    assert.equal(dynamic('upper', null), null)
  })
  test('JSON arrays are arrays', () => {
    assert.equal(dynamic('sizeof', new JsonText('[1, [2, 3], {"a": 4}]')), 3)
    assert.equal(dynamic('in_array', 9007199254740993n, new JsonText('[9007199254740993]')), true)
    assert.equal(String(dynamic('element_of', new JsonText('[1, {"a": 4}]'), 1)), '{"a":4}')
    assert.deepEqual(dynamic('flatten', new JsonText('[[1,2],[3],null]')), [1, 2, 3])
    assert.deepEqual(dynamic('zip', new JsonText('[1]'), 'n'), [new JsonText('{"n":1}')])
    assert.equal(dynamic('in_array', new JsonText('{"a":1}'), new JsonText('[{ "a": 1 }]')), true)
  })
  test('text of structures', () => {
    assert.equal(dynamic('mkstring', new JsonText('{"a":1}')), '{"a":1}')
    assert.equal(dynamic('concat', 'x', new JsonText('[1]'), null, 9007199254740993n), 'x[1]9007199254740993')
    assert.equal(dynamic('dump', 5), 'io.lenses.sql.model.LongValue@LongValue(5)')
  })
  test('the wrong kind is an error that says what was expected', () => {
    const cases: readonly (readonly [string, readonly Value[], RegExp])[] = [
      ['upper', [5], /UPPER expects a string as text, not the number 5/],
      ['takeleft', ['abc', 1.5], /TAKELEFT expects an integer as count, not the number 1.5/],
      ['takeleft', ['abc', '2'], /TAKELEFT expects an integer as count, not the string "2"/],
      ['sizeof', [new JsonText('{"a":1}')], /SIZEOF expects an array as array, not an object/],
      ['abs', ['x'], /ABS expects a number as x, not the string "x"/],
      ['abs', [true], /ABS expects a number as x, not the boolean true/],
      ['year', ['soon'], /YEAR: the string "soon" is no date or time/],
      ['year', [new JsonText('[]')], /YEAR: an array is no date or time/],
      ['to_date', [true], /TO_DATE: the boolean true is no date or time/],
      ['flatten', [new JsonText('[1]')], /FLATTEN expects an array of arrays, but an element is the number 1/],
      ['zip', [new JsonText('[1]'), 5], /ZIP expects a string as name/],
      ['zip', [new JsonText('[1]'), 'a', 5, 'b'], /ZIP expects an array as argument 3, not the number 5/],
      ['max', [1, 'a'], /MAX cannot compare the string "a" with the number 1/],
      ['anonymize', [new JsonText('{}')], /ANONYMIZE hides strings and numbers, not an object/],
      ['mod', [1, 0], /MOD: division by zero/],
      ['pow', [10, 400], /does not fit a long/],
      ['pow', [0, -1], /not a number that JSON can carry/],
    ]
    for (const [name, args, message] of cases)
      assert.throws(
        () => dynamic(name, ...args),
        (error) => error instanceof ValueError && message.test(error.message),
        name,
      )
  })
})

describe('hostile values never break out', () => {
  const value: fc.Arbitrary<Value> = fc.oneof(
    fc.constant(null),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc
      .json({ maxDepth: 3 })
      .filter((text) => /^[[{]/.test(text))
      .map((text) => new JsonText(text)),
    fc.constantFrom('$..*', '$.a[0]', 'yyyy-MM-dd', '2024-02-29', '(a*)*$', '[?(@>1)]', '+02:00'),
  )
  for (const fn of SCALAR_FUNCTIONS.filter((f) => f.special !== true)) {
    test(fn.name, () => {
      const count = fn.parameters.length + (fn.parameters.at(-1)?.variadic === true ? 1 : 0)
      fc.assert(
        fc.property(fc.array(value, { minLength: count, maxLength: count }), (args) => {
          const types: DataType[] = args.map((arg) => (arg === null ? NULL_TYPE : JSON_TYPE))
          let result: Value
          try {
            fn.returns(types)
            const run = fn.make(types, CONTEXT)
            result = args.includes(null) && fn.nullable !== true ? null : run(...args)
          } catch (error) {
            // static errors are plain Errors with a sentence; everything else has to be a ValueError
            assert.ok(
              error instanceof ValueError || (error instanceof Error && error.constructor === Error),
              String(error),
            )
            return
          }
          assert.notEqual(result, undefined)
          assert.ok(
            !(typeof result === 'bigint' && result >= -9007199254740991n && result <= 9007199254740991n),
            'a bigint inside the safe range',
          )
        }),
        { seed: 20240229, numRuns: 150 },
      )
    })
  }
})
