/**
 * The golden files on a real Apache Flink: every answer is ours, or the statement is refused with a reason
 * (`test/flink/refused.txt` has them all), or given back because of a value. Shared by the tests that run a part of the
 * files each: a test file has a limit of time.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Flink, startFlink } from '../../scripts/flink.ts'
import { refusedCases } from '../support/flink-refusals.ts'
import { expectedLines, type SltCase } from '../support/slt.ts'
import { inLanes, plain, SLOTS } from './flink-hands.ts'
import { canBeProduced, goldenFiles, isOfAnyKafka, produceWorld, serve } from './golden-hands.ts'
import { kafkaHand, type KafkaHand } from './kafka-hand.ts'
import { withoutFlink } from './real-flink.ts'
import { cluster } from './served.ts'

/** Folders of `test/sql` with about half of the cases. */
const VALUES = /^(facets|formats|values)[/\\]/

/** Tests of one half of the golden files. */
export function goldenOnFlink(half: 'values' | 'statements'): void {
  describe(`golden ${half} on a real Flink`, { skip: withoutFlink }, () => {
    let flink: Flink
    let hand: KafkaHand
    before(async () => {
      flink = await startFlink({ slots: SLOTS })
      hand = await kafkaHand(cluster.kafka.bootstrap)
    })
    after(async () => {
      await hand.close()
      await flink.stop()
    })

    for (const { name, file } of goldenFiles) {
      if (VALUES.test(name) !== (half === 'values')) continue
      if (!canBeProduced(file)) continue
      const cases = file.cases.filter((item) => isOfAnyKafka(item) && /\bFROM\b/i.test(item.sql))
      // What writes comes first; what asks of it would be a test of the order.
      if (cases.length === 0 || file.cases.some(({ sql }) => /^(INSERT|DELETE|CREATE|DROP|TRUNCATE)/.test(sql)))
        continue
      it(name, async () => {
        const data = await produceWorld(hand, file, 'lz4')
        const environment = { flink: { gateway: flink.gateway, parallelism: 1 } }
        const golden = await serve(cluster.kafka.bootstrap, data, undefined, environment, { engine: 'flink' })
        const wrong: string[] = []
        const compare = async (item: SltCase): Promise<void> => {
          const got = await golden.ask(item)
          const error = got.find((line) => line.startsWith('ERROR')) ?? ''
          const isRefused = /Not handed over to Flink|Flink gave the statement back/.test(error)
          const place = `${name}:${item.line}`
          if (isRefused !== refusedCases.has(place) && !(isRefused && GIVEN_BACK.has(place)))
            wrong.push(`${place} ${item.sql}\n  ${isRefused ? error : 'is not refused any more'}`)
          else if (!isRefused && plain(got) !== plain(expectedLines(item)) && !ANY_ORDER.has(place))
            wrong.push(
              `${place} ${item.sql}\n  wanted ${expectedLines(item).join('\n    ')}\n  got ${got.join('\n    ')}`,
            )
        }
        try {
          await inLanes(cases, compare)
        } finally {
          await golden.close()
          for (const topic of file.topics) await hand.deleteTopic(topic.name)
        }
        assert.equal(wrong.join('\n\n'), '')
      })
    }
  })
}

/** Cases whose values are beyond Flink: known only when it meets them. */
const GIVEN_BACK: ReadonlySet<string> = new Set([
  'select/group.slt:68',
  'select/texts.slt:82',
  'select/texts.slt:94',
  'values/decimals-and-numbers.slt:19',
  'values/edge-of-doubles.slt:22',
  'values/edge-of-doubles.slt:30',
  'values/edge-of-doubles.slt:35',
  'values/edge-of-doubles.slt:59',
  'values/edge-of-doubles.slt:66',
  'values/edge-of-doubles.slt:71',
  'values/huge-numbers.slt:84',
  'values/other-engines.slt:33',
  'values/other-engines.slt:38',
  'values/other-engines.slt:53',
  'values/other-versions.slt:67',
  'values/other-versions.slt:72',
  'values/repeated-members.slt:22',
  'values/repeated-members.slt:27',
  'values/repeated-members.slt:39',
  'values/repeated-members.slt:70',
  'values/odd-letters.slt:34',
  'values/odd-letters.slt:43',
  'values/odd-letters.slt:55',
  'values/odd-letters.slt:61',
  'values/odd-letters.slt:68',
  'values/odd-records.slt:99',
  'values/odd-records.slt:105',
  'values/odd-records.slt:123',
  'values/odd-records.slt:128',
  'values/odd-records.slt:133',
  'values/odd-records.slt:149',
  'values/odd-records.slt:154',
  'values/odd-records.slt:159',
  'values/odd-records.slt:164',
  'values/odd-records.slt:174',
  'values/odd-records.slt:181',
  'values/odd-records.slt:187',
  'values/equal-numbers.slt:30',
  'values/equal-numbers.slt:38',
  'values/equal-numbers.slt:46',
  'values/equal-numbers.slt:54',
  'values/equal-numbers.slt:59',
  'values/equal-numbers.slt:66',
  'values/equal-numbers.slt:71',
  'values/equal-numbers.slt:79',
  'values/equal-numbers.slt:104',
  'values/equal-numbers.slt:109',
  'values/equal-numbers.slt:114',
  'values/equal-numbers.slt:139',
  'values/equal-numbers.slt:154',
  'values/equal-numbers.slt:158',
  'values/equal-numbers.slt:163',
  'values/equal-numbers.slt:167',
  'values/equal-numbers.slt:171',
  'values/equal-numbers.slt:187',
  'values/equal-numbers.slt:194',
  'values/equal-numbers.slt:199',
  'values/far-dates.slt:158',
  'values/division-parts.slt:68',
  'values/json-spaces.slt:31',
  'values/json-spaces.slt:36',
  'values/json-spaces.slt:41',
  'values/json-spaces.slt:46',
  'values/json-spaces.slt:51',
  'values/json-spaces.slt:76',
  'values/json-spaces.slt:81',
  'values/json-spaces.slt:97',
  'values/large-doubles.slt:40',
  'values/large-doubles.slt:51',
  'values/large-doubles.slt:56',
  'values/large-doubles.slt:72',
  'values/far-moments.slt:30',
  'values/far-moments.slt:63',
  'values/far-moments.slt:70',
  'values/far-moments.slt:76',
  'values/fractions.slt:157',
  'values/huge-numbers.slt:96',
  'values/huge-numbers.slt:108',
  'values/escaped-keys.slt:14',
  'values/escaped-keys.slt:25',
  'values/escaped-keys.slt:31',
  'values/lateral-items.slt:83',
  'values/lateral-items.slt:91',
  'values/order.slt:57',
  'values/order.slt:290',
  'values/order.slt:68',
  'values/order.slt:88',
  'values/order.slt:73',
  'values/order.slt:304',
  'query/subquery.slt:453',
  'query/long-sums.slt:34',
  'query/long-sums.slt:40',
  'query/long-sums.slt:46',
  'values/as-needed.slt:42',
  'values/casts-of-numbers.slt:59',
  'values/casts-of-numbers.slt:73',
  'values/casts-of-numbers.slt:80',
  'values/distinct-sums.slt:41',
  'values/not-numbers.slt:35',
  'values/not-numbers.slt:68',
  'values/spelled-keys.slt:52',
  'values/spelled-keys.slt:61',
  'values/spelled-keys.slt:70',
  'values/spelled-keys.slt:83',
  'values/not-utf8.slt:19',
  'values/not-utf8.slt:28',
  'values/not-utf8.slt:39',
  'values/not-utf8.slt:48',
  'values/not-utf8.slt:53',
  'values/not-utf8.slt:60',
  'values/not-utf8.slt:67',
  'values/not-utf8.slt:75',
  'values/not-utf8.slt:83',
  'values/not-utf8.slt:99',
  'values/not-utf8.slt:104',
])
/** Cases whose answer depends on the order in which equal rows come. */
const ANY_ORDER: ReadonlySet<string> = new Set(['query/order.slt:181', 'query/several-topics.slt:201'])
