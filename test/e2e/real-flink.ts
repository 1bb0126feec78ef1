import { flinkLibraries, Unavailable } from '../../scripts/provision.ts'
import { cluster } from './served.ts'

/** Why there is no Flink here, or false. */
export const withoutFlink: string | false =
  cluster.skip ||
  (await flinkLibraries().then(
    () => false as const,
    (error: unknown) => {
      if (error instanceof Unavailable) return `no real Flink: ${error.message}`
      throw error
    },
  ))
