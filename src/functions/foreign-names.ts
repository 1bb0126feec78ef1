/**
 * Functions of other dialects (MySQL, PostgreSQL, Spark, ksqlDB) and what to write instead. Hints only: nothing here
 * can be called.
 */

const INSTEAD: Readonly<Record<string, string>> = {
  'array_agg collect_list list_agg': 'Write COLLECT(x, n).',
  'array_contains array_position contains_element': 'Write IN_ARRAY(element, array).',
  'array_length cardinality json_array_length': 'Write SIZEOF(array).',
  collect_set: 'Write COLLECT_UNIQUE(x, n).',
  concat_ws: "Write CONCAT(a, '-', b).",
  count_distinct: 'Write COUNT(DISTINCT x), or APPROX_COUNT_DISTINCT(x) in little memory.',
  'approx_distinct approx_count': 'Write APPROX_COUNT_DISTINCT(x).',
  'date_add dateadd timestampadd adddate date_sub datesub timestampsub subdate':
    'Add a duration: x + "1d", x - "2h 30m".',
  'datediff date_diff timestampdiff age': 'Subtract: a - b is in milliseconds.',
  'date_format to_char timestamptostring datetostring format_datetime':
    "Write FORMAT_TIMESTAMP(x, 'yyyy-MM-dd HH:mm').",
  'date_trunc trunc_date time_bucket date_bin': "Write TUMBLE(x, '1h'): the start of the hour.",
  'str_to_date stringtotimestamp stringtodate parse_datetime to_time':
    "Write TO_TIMESTAMP(text, 'yyyy-MM-dd HH:mm:ss').",
  'date_part extract': 'Write YEAR(x), MONTH(x), DAY(x), HOUR(x), MINUTE(x), SECOND(x) or WEEK(x).',
  'dayofmonth day_of_month': 'Write DAY(x).',
  'current_date curdate getdate sysdate': 'Write DATE() or NOW().',
  'current_timestamp localtimestamp unix_timestamp current_time':
    'Write NOW(); CAST(NOW() AS long) is in milliseconds.',
  'from_unixtime fromunixtime to_timestamp_ms epoch_ms': 'Write TO_TIMESTAMP(milliseconds).',
  'decode from_base64 unbase64': 'Write DECODE64(text).',
  'to_base64 encode': 'Write BASE64(text).',
  'earliest_by_offset first_value any_value arbitrary': 'Write FIRST(x).',
  'latest_by_offset last_value': 'Write LAST(x).',
  'explode unnest json_each jsonb_array_elements flatten_array': 'Write FROM t LATERAL array AS item.',
  'extractjsonfield json_extract json_value json_query get_json_object jsonb_extract_path json_extract_string':
    "Write JSON_EXTRACT_FIRST(text, '$.a.b'); a field of JSON is simply a.b.",
  'group_concat string_agg listagg': 'Write COLLECT(x, n): an array.',
  'if iif ifelse decode_case': 'Write CASE WHEN condition THEN a ELSE b END.',
  'initcap proper': 'Write CAPITALIZE(x).',
  'instr locate strpos charindex': 'Write INDEXOF(text, part), counted from 0; -1 where it is not.',
  left: 'Write TAKELEFT(text, n).',
  right: 'Write TAKERIGHT(text, n).',
  'median percentile percentile_cont percentile_disc approx_percentile quantile quantile_cont':
    'Write APPROX_QUANTILE(x, 0.5).',
  'mean average': 'Write AVG(x).',
  'md5 sha sha1 sha2 sha256 hash crc32': 'There are no digests. To hide a value: ANONYMIZE(x), EMAIL(x), FIRST2(x).',
  'rand random rand_int': 'Write RANDINT().',
  'regexp_extract regexp_substr regexp_match': 'Write REGEXP(text, pattern): the groups of the first match.',
  'regexp_extract_all regexp_matches': 'Write REGEX_MATCHES(text, pattern): the groups of all matches.',
  'regexp_like regexp_contains rlike': 'Write SIZEOF(REGEXP(text, pattern)) > 0.',
  'regexp_replace translate': 'Write REPLACE(text, target, replacement), which takes plain texts.',
  'split_part splitpart substring_index': 'Write REGEXP(text, pattern)[i].',
  'stddev stddev_pop stddev_samp variance var_pop var_samp std':
    'Write SUM(x * x), SUM(x) and COUNT(x), and compute it from these.',
  'struct row named_struct': 'Write {a AS x, b AS y}.',
  'to_number to_int toint tofloat to_json_string tostring': 'Write CAST(x AS int), CAST(x AS string).',
  'trunc truncate_number': 'Write CAST(x AS long).',
  'typeof_column pg_typeof': 'Write TYPEOF(x).',
  'uuid_generate_v4 gen_random_uuid newid': 'Write UUID().',
}

const BY_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries(INSTEAD).flatMap(([names, text]) => names.split(' ').map((name) => [name, text] as const)),
)

/** All of them, in lower case. */
export const FOREIGN_NAMES: readonly string[] = [...BY_NAME.keys()]

/** What to write instead of a function of another dialect; undefined for a name that is none. */
export function insteadOf(name: string): string | undefined {
  return BY_NAME.get(name.toLowerCase())
}
