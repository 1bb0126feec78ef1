/** Gives the user a small file that the page has made. What is large is streamed by the server instead. */
import { systemClock } from '../../lib/clock.ts'

/** `name`: with its ending. */
export function saveFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has taken the address with the click.
  systemClock.after(60_000, () => URL.revokeObjectURL(url))
}
