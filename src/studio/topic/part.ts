/** What a part of a topic's page (records, schema, …) is given. */
import type { Tab } from '../store.ts'
import type { TopicDetails, TopicState } from './details.ts'

/** `state` comes a little later than `details`. */
export interface TopicPartProps {
  readonly tab: Tab
  readonly topic: string
  readonly environment: string
  readonly details: TopicDetails
  readonly state: TopicState | undefined
}
