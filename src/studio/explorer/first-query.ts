/** The first query that a topic is asked. */
import { printName } from '../../sql/print.ts'

export function firstQuery(topic: string): string {
  return `SELECT * FROM ${topic.split('.').map(printName).join('.')} LIMIT 1000`
}
