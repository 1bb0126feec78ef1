/** Writing to a topic. */
import type { TopicPartProps } from '../topic/topic-view.tsx'

export default function Write({ topic }: TopicPartProps) {
  return <p class="notice">{topic}</p>
}
