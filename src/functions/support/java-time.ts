/**
 * Java's date patterns (`yyyy-MM-dd HH:mm:ss`), through js-joda, which is loaded on first use; names of months, days,
 * eras and halves of the day are English, weeks are ISO weeks, and what has no zone is UTC. Formatting always shows
 * UTC.
 *
 * js-joda leaves text fields to a locale package; the few printer-parsers needed here are hung in at the same places
 * (`appendText` and its siblings).
 */
import { createRequire } from 'node:module'
import type { DateTimeFormatter, DateTimeFormatterBuilder, TemporalField } from '@js-joda/core'
import { type Moment, momentAt } from './datemath.ts'
import { isZone, localToInstant } from './zone.ts'

type Joda = typeof import('@js-joda/core')

let loaded: Joda | undefined

function joda(): Joda {
  loaded ??= createRequire(import.meta.url)('@js-joda/core') as Joda
  return loaded
}

/** The parts that js-joda hands to a printer-parser (its own interface, which its locale package uses too). */
interface PrintContext {
  getValue(field: TemporalField): number | null
}
interface TextBuffer {
  append(text: string): unknown
}
interface ParseContext {
  setParsedField(field: TemporalField, value: number, errorAt: number, successAt: number): number
}
interface PrinterParser {
  print(context: PrintContext, out: TextBuffer): boolean
  parse(context: ParseContext, text: string, at: number): number
}
interface OpenBuilder extends DateTimeFormatterBuilder {
  _appendInternal(printerParser: PrinterParser): unknown
}

type Style = 'short' | 'full' | 'narrow'

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const QUARTERS: Readonly<Record<Style, readonly string[]>> = {
  short: ['Q1', 'Q2', 'Q3', 'Q4'],
  full: ['1st quarter', '2nd quarter', '3rd quarter', '4th quarter'],
  narrow: ['1', '2', '3', '4'],
}
const ERAS: Readonly<Record<Style, readonly string[]>> = {
  short: ['BC', 'AD'],
  full: ['Before Christ', 'Anno Domini'],
  narrow: ['B', 'A'],
}

/** The English name of a month, 1–12. */
export function monthName(month: number): string {
  return MONTHS[month - 1]
}

function shortened(names: readonly string[], style: Style): readonly string[] {
  return style === 'full' ? names : names.map((name) => name.slice(0, style === 'short' ? 3 : 1))
}

/** Names of a field's values and the value of the first one. */
function namesOf(field: string, style: Style): { readonly names: readonly string[]; readonly first: number } {
  switch (field) {
    case 'MonthOfYear':
      return { names: shortened(MONTHS, style), first: 1 }
    case 'DayOfWeek':
      return { names: shortened(DAYS, style), first: 1 }
    case 'AmPmOfDay':
      return { names: ['AM', 'PM'], first: 0 }
    case 'Era':
      return { names: ERAS[style], first: 0 }
    default:
      return { names: QUARTERS[style], first: 1 }
  }
}

function nameParser(field: TemporalField, style: Style): PrinterParser {
  const { names, first } = namesOf(field.toString(), style)
  const lower = names.map((name) => name.toLowerCase())
  return {
    print(context, out) {
      const value = context.getValue(field)
      if (value === null) return false
      out.append(names[value - first])
      return true
    },
    parse(context, text, at) {
      const rest = text.slice(at, at + 16).toLowerCase()
      const index = lower.findIndex((name) => rest.startsWith(name))
      return index < 0 ? ~at : context.setParsedField(field, index + first, at, at + names[index].length)
    },
  }
}

/** Prints `UTC` and reads any zone: the name lands in `seen`. */
function zoneParser(seen: { zone?: string }): PrinterParser {
  return {
    print(_context, out) {
      out.append('UTC')
      return true
    },
    parse(_context, text, at) {
      const name = /^[A-Za-z0-9_/+:-]+/.exec(text.slice(at, at + 64))?.[0]
      if (name === undefined || !isZone(name)) return ~at
      seen.zone = name
      return at + name.length
    },
  }
}

function localizedOffsetParser(seen: { zone?: string }): PrinterParser {
  return {
    print(_context, out) {
      out.append('GMT')
      return true
    },
    parse(_context, text, at) {
      const m = /^GMT(?:([+-])(\d{1,2})(?::?(\d{2}))?)?/.exec(text.slice(at, at + 16))
      if (m === null) return ~at
      seen.zone = m[1] === undefined ? 'UTC' : `${m[1]}${m[2].padStart(2, '0')}:${m[3] ?? '00'}`
      return isZone(seen.zone) ? at + m[0].length : ~at
    },
  }
}

function styleOf(style: object): Style {
  const text = String(style)
  return text.startsWith('FULL') ? 'full' : text.startsWith('SHORT') ? 'short' : 'narrow'
}

/** A builder that knows English names, ISO weeks and zone texts. */
function englishBuilder(lib: Joda, seen: { zone?: string }): DateTimeFormatterBuilder {
  const builder = new lib.DateTimeFormatterBuilder() as OpenBuilder
  const add = (printerParser: PrinterParser): DateTimeFormatterBuilder => {
    builder._appendInternal(printerParser)
    return builder
  }
  const width = (field: TemporalField, count: number): DateTimeFormatterBuilder =>
    count === 1 ? builder.appendValue(field) : builder.appendValue(field, count)
  const { IsoFields, ChronoField, SignStyle } = lib
  return Object.assign(builder, {
    appendText: (field: TemporalField, style: object) => add(nameParser(field, styleOf(style))),
    appendZoneText: () => add(zoneParser(seen)),
    appendZoneId: () => add(zoneParser(seen)),
    appendLocalizedOffset: () => add(localizedOffsetParser(seen)),
    appendWeekField: (letter: string, count: number) => {
      if (letter === 'w') return width(IsoFields.WEEK_OF_WEEK_BASED_YEAR, count)
      if (letter === 'W') return width(ChronoField.ALIGNED_WEEK_OF_MONTH, count)
      if (letter !== 'Y') return width(ChronoField.DAY_OF_WEEK, count)
      if (count === 2) return builder.appendValueReduced(IsoFields.WEEK_BASED_YEAR, 2, 2, 2000)
      return builder.appendValue(
        IsoFields.WEEK_BASED_YEAR,
        count,
        15,
        count < 4 ? SignStyle.NORMAL : SignStyle.EXCEEDS_PAD,
      )
    },
  })
}

/**
 * Appends the pattern; a four-letter year with another field right behind it (`yyyyMMddHHmmssSSS`) takes exactly four
 * digits. js-joda would take all digits first and give up after fifteen.
 */
function appendPattern(builder: DateTimeFormatterBuilder, pattern: string, lib: Joda): void {
  let from = 0
  for (const m of pattern.matchAll(/'[^']*'|([A-Za-z])\1*/g)) {
    const next = m.index + m[0].length
    if ((m[0] !== 'yyyy' && m[0] !== 'uuuu') || !/[A-Za-z]/.test(pattern.charAt(next))) continue
    if (m.index > from) builder.appendPattern(pattern.slice(from, m.index))
    builder.appendValue(m[0] === 'yyyy' ? lib.ChronoField.YEAR_OF_ERA : lib.ChronoField.YEAR, 4)
    from = next
  }
  if (from < pattern.length) builder.appendPattern(pattern.slice(from))
}

/** What a text says under a pattern; parts that the pattern does not name are undefined. */
export interface ParsedText {
  /** Days since 1970-01-01. */
  readonly days?: number
  /** Nanoseconds since midnight. */
  readonly nanosOfDay?: number
  /** Zone or offset as written. */
  readonly zone?: string
}

/** A compiled pattern of dates and times, in the letters of `java.time`. */
export interface JavaPattern {
  format(moment: Moment): string
  /** undefined when the text does not match the pattern or says no such date or time. */
  parse(text: string): ParsedText | undefined
}

/** Compiles a pattern. Throws an Error that says what is wrong with it. */
export function javaPattern(pattern: string): JavaPattern {
  const lib = joda()
  const seen: { zone?: string } = {}
  const builder = englishBuilder(lib, seen)
  appendPattern(builder, pattern, lib)
  const formatter = builder.toFormatter(lib.ResolverStyle.SMART)
  return {
    format: (moment) =>
      formatter.format(
        lib.LocalDateTime.ofEpochSecond(moment.days * 86_400 + moment.second, moment.nanos, lib.ZoneOffset.UTC).atZone(
          lib.ZoneOffset.UTC,
        ),
      ),
    parse: (text) => {
      seen.zone = undefined
      return parsed(lib, formatter, text, seen)
    },
  }
}

function parsed(
  lib: Joda,
  formatter: DateTimeFormatter,
  text: string,
  seen: { zone?: string },
): ParsedText | undefined {
  const { TemporalQueries } = lib
  try {
    const fields = formatter.parse(text)
    const date = fields.query(TemporalQueries.localDate())
    const time = fields.query(TemporalQueries.localTime())
    const offset = fields.query(TemporalQueries.offset())
    return { days: date?.toEpochDay(), nanosOfDay: time?.toNanoOfDay(), zone: seen.zone ?? offset?.id() }
  } catch (error) {
    if (
      error instanceof lib.DateTimeException ||
      error instanceof lib.DateTimeParseException ||
      error instanceof lib.ArithmeticException
    )
      return undefined
    throw error
  }
}

/**
 * The instant that a parsed text means; a text without a time means midnight, one without a zone UTC. undefined without
 * a date.
 */
export function instantOf(text: ParsedText): Moment | undefined {
  if (text.days === undefined) return undefined
  const nanosOfDay = text.nanosOfDay ?? 0
  const local = text.days * 86_400 + Math.floor(nanosOfDay / 1e9)
  const seconds = text.zone === undefined ? local : localToInstant(local, text.zone)
  return seconds === undefined ? undefined : momentAt(0, seconds, nanosOfDay % 1e9)
}
