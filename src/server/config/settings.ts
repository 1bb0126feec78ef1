/**
 * Defaults of the settings that SET can change: `max.size: 200m`, with or without the prefix `lenses.sql.settings.`.
 */
import { z } from 'zod'
import type { SettingDefaults } from '../../engine/host.ts'
import { didYouMean } from '../../lib/suggest.ts'
import { defaultSettings, SETTINGS } from '../../plan/settings.ts'
import { converted, isTree, wrong } from './schema.ts'

const nameOf = (key: string): string => key.replace(/^lenses\.sql\.settings\./, '')

const plain = converted('a text, a number, true or false', (given) =>
  ['string', 'number', 'boolean'].includes(typeof given) ? String(given) : undefined,
)

/** Values as text, by their names without the prefix. */
export const settings: z.ZodType<SettingDefaults> = z
  .record(z.string(), plain, wrong('a map such as {max.size: 200m}'))
  .superRefine(
    (given, context) => {
      for (const [key, value] of Object.entries(given)) {
        const flaw = typeof value === 'string' ? flawOf(nameOf(key), value) : undefined
        if (flaw !== undefined) context.addIssue({ code: 'custom', path: [key], message: flaw })
      }
    },
    { when: ({ value }) => isTree(value) },
  )
  .transform((given) => Object.fromEntries(Object.entries(given).map(([key, value]) => [nameOf(key), value])))

function flawOf(name: string, value: string): string | undefined {
  try {
    defaultSettings({ [name]: value })
    return undefined
  } catch (cause) {
    const hint = Object.hasOwn(SETTINGS, name) ? undefined : didYouMean(name, Object.keys(SETTINGS))
    return `${cause instanceof Error ? cause.message : String(cause)}${hint === undefined ? '' : ` ${hint}`}`
  }
}
