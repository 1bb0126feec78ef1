/** A Go client that speaks as lenses-cli 5.4.0 does, on its WebSocket library and with its types, against the server on real Kafka and a real registry. */
import { describe, it } from 'node:test'
import { goClient } from '../../scripts/provision.ts'
import { casesOf, cluster, ROBOT_KEY, serve, testCases } from './served.ts'

const program = await goClient().catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : program instanceof Error ? program.message : false

if (skip !== false || program instanceof Error) it('a Go client like lenses-cli 5.4.0', { skip: skip === false ? 'no Go' : skip }, () => undefined)
else {
  const server = await serve()
  const cases = await casesOf(program, [], { SLUICE_URL: server.url, SLUICE_KEY: ROBOT_KEY }).finally(() => server.close(0))
  describe('a Go client like lenses-cli 5.4.0', () => testCases(cases, 20))
}
