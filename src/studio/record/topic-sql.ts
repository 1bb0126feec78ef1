/** Names of topics in statements. */
import { printName } from '../../sql/print.ts'

/** A topic as SQL writes it. */
export function topicSql(topic: string): string {
  return topic.split('.').map(printName).join('.')
}
