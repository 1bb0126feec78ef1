/**
 * Which keywords may stand at the end of a text, asked of the parser itself: a word fits when the parser takes it and
 * expects something else behind it than behind a name.
 */
import { SqlError } from '../error.ts'
import { parseScript } from '../parse.ts'

/** Words and pairs of words that are tried. */
const CANDIDATES = [
  ...'SELECT,FROM,WHERE,GROUP BY,HAVING,ORDER BY,LIMIT,OFFSET,AND,OR,NOT,IN,LIKE,BETWEEN,IS NULL,IS NOT NULL'.split(
    ',',
  ),
  ...'AS,JOIN,LEFT JOIN,RIGHT JOIN,FULL JOIN,CROSS JOIN,LATERAL,ON,UNION,UNION ALL,EXCEPT,INTERSECT,DISTINCT'.split(
    ',',
  ),
  ...'CASE,WHEN,THEN,ELSE,END,CAST(,EXISTS (,ASC,DESC,NULLS FIRST,NULLS LAST,WITH,VALUES,FILTER (WHERE'.split(','),
  ...'INSERT INTO,EXPLAIN,SHOW TABLES,SHOW FUNCTIONS,SHOW SETTINGS,DESCRIBE TABLE,SET,CREATE TABLE,CREATE VIEW'.split(
    ',',
  ),
  ...'CREATE SYNONYM,DROP TABLE,DROP VIEW,DELETE FROM,TRUNCATE TABLE,NULL,TRUE,FALSE,INTERVAL,IS DISTINCT FROM'.split(
    ',',
  ),
]

/** Such words, in upper case. `prefix`: the statement up to the word that is typed; parameters replaced before. */
export function nextWords(prefix: string): readonly string[] {
  const base = `${prefix} `
  const asName = outcome(`${base}zz_name`, base.length)
  return CANDIDATES.filter((word) => {
    const [first] = word.split(' ')
    // Elsewhere DELETE is a name before FROM.
    if (first === 'DELETE' && prefix.trim() !== '') return false
    const here = outcome(base + word, base.length)
    // A word that is taken for a name leads where a name leads.
    return here !== undefined && (here !== asName || (first !== word && outcome(base + first, base.length) !== asName))
  })
}

/** What is expected behind the text; undefined where the parser stops before its end. Empty for a whole statement. */
function outcome(text: string, from: number): string | undefined {
  try {
    parseScript(text)
    return ''
  } catch (cause) {
    if (!(cause instanceof SqlError)) throw cause
    const at = cause.span?.start ?? text.length
    if (at < text.length && at >= from) return undefined
    return at < from && cause.span !== undefined ? undefined : cause.message
  }
}
