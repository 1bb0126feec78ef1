/** All attacks, in the order in which they are run. */
import type { Attack } from './attack.ts'
import { CONNECTIONS } from './connections.ts'
import { OUTPUTS } from './outputs.ts'
import { ON_THE_PAGE } from './page.ts'
import { RECORDS } from './records.ts'
import { STATEMENTS } from './statements.ts'

export const ATTACKS: readonly Attack[] = [...STATEMENTS, ...RECORDS, ...CONNECTIONS, ...OUTPUTS, ...ON_THE_PAGE]
