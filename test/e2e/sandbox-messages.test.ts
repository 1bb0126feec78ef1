/**
 * The sandbox's message shapes against Kafka's own definitions: for every API and every version that it offers, random
 * messages made from the definitions are read whole, and written again byte for byte the same.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { kafkaLibraries, Unavailable } from '../../scripts/provision.ts'
import { WireReader } from '../../src/kafka/wire/primitives.ts'
import { APIS } from '../../src/sandbox/broker.ts'
import { Random } from '../../src/sandbox/demo/random.ts'
import { MessageWriter, type Shape } from '../../src/sandbox/message.ts'
import { inVersions, kafkaMessages, randomMessage, type MessageSpec } from '../support/kafka-messages.ts'

const libraries = await kafkaLibraries().catch((error: unknown) => {
  if (error instanceof Unavailable) return error
  throw error
})
const skip = libraries instanceof Unavailable ? libraries.message : false
const messages = libraries instanceof Unavailable ? [] : await kafkaMessages(libraries)
const ROUNDS = 20

function specOf(key: number, type: 'request' | 'response'): MessageSpec {
  const found = messages.find((message) => message.apiKey === key && message.type === type)
  if (found === undefined) throw new Error(`there is no ${type} with key ${key}`)
  return found
}

function check(spec: MessageSpec, shape: Shape<unknown, unknown>, version: number, random: Random): void {
  const flexible = inVersions(spec.flexibleVersions, version)
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = randomMessage(spec, version, () => random.next(), false)
    const reader = new WireReader(bytes)
    const read = shape.read(reader, version, flexible)
    assert.equal(reader.remaining, 0, `${spec.name} version ${version} leaves bytes unread`)
    const writer = new MessageWriter()
    shape.write(writer, read, version, flexible)
    assert.deepEqual(Buffer.concat(writer.pieces()), bytes, `${spec.name} version ${version}`)
    const tagged = new WireReader(randomMessage(spec, version, () => random.next(), true))
    shape.read(tagged, version, flexible)
    assert.equal(tagged.remaining, 0, `${spec.name} version ${version} leaves tagged bytes unread`)
  }
}

describe('message shapes of the sandbox', { skip }, () => {
  for (const api of APIS) {
    it(`${api.name} ${api.min} to ${api.max}`, () => {
      const request = specOf(api.key, 'request')
      const response = specOf(api.key, 'response')
      const random = new Random(api.key + 1)
      assert.equal(request.name, `${api.name}Request`)
      if (request.flexibleVersions === 'none') assert.ok(api.flexible > api.max)
      else
        assert.ok(
          inVersions(request.flexibleVersions, api.flexible) && !inVersions(request.flexibleVersions, api.flexible - 1),
        )
      for (let version = api.min; version <= api.max; version++) {
        // Produce 0 to 2 are offered for the sake of old librdkafka, which looks for them; Kafka does the same.
        if (api.name !== 'Produce' || version > 2)
          assert.ok(inVersions(request.validVersions, version), `${api.name} has no version ${version}`)
        check(request, api.request as Shape<unknown, unknown>, version, random)
        check(response, api.response as Shape<unknown, unknown>, version, random)
      }
    })
  }
})
