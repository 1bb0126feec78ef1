/** How large a regular expression becomes when it is compiled, estimated before that is tried. */

/** The start of a group with what belongs to it, an item, a class in brackets, a repetition with counts, or one character. */
const TOKEN =
  /\(\?(?:P?<\w+>|[a-zA-Z-]*:?)|\\Q[\s\S]*?(?:\\E|$)|\\[pP]\{[^}]*\}|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]?|\{(\d+)(?:,(\d*))?\}|[\s\S]/g

/**
 * About the states that the compiled pattern has, at least: one for each item, as often as repetitions repeat it. Linear
 * in the pattern.
 */
export function statesAbout(pattern: string): number {
  /** Of the groups that are open: the states so far, and those of the last item. */
  const open: { sum: number; last: number }[] = []
  let [sum, last] = [0, 0]
  for (const [token, least, most] of pattern.matchAll(TOKEN)) {
    if (token.startsWith('(')) {
      open.push({ sum, last })
      ;[sum, last] = [0, 0]
    } else if (token === ')') {
      const group = sum
      ;({ sum, last } = open.pop() ?? { sum, last })
      sum += group
      last = group
    } else if (least !== undefined) {
      const times = Math.max(1, Number(least), Number(most ?? 0))
      sum += last * (times - 1)
      last *= times
    } else if (!/^[*+?|]$/.test(token)) {
      last = token.startsWith('\\Q') ? token.length : 1
      sum += last
    }
  }
  return sum
}
