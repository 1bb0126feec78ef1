/**
 * Reads the defaults of the settings that SET can change: `max.size: 200m`, with or without the prefix
 * `lenses.sql.settings.`.
 */
import type { SettingDefaults } from '../../engine/host.ts'
import { didYouMean } from '../../lib/suggest.ts'
import { type Check, isTree } from './schema.ts'

const PREFIX = 'lenses.sql.settings.'

export async function readSettings(value: unknown, place: string, check: Check): Promise<SettingDefaults> {
  if (value === undefined || value === null) return {}
  if (!isTree(value)) {
    check.wrong(place, value, 'a map such as {max.size: 200m}')
    return {}
  }
  const { defaultSettings, SETTINGS } = await import('../../plan/settings.ts')
  const settings: Record<string, string> = {}
  for (const [key, given] of Object.entries(value)) {
    const name = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key
    const at = `${place}.${key}`
    if (typeof given !== 'string' && typeof given !== 'number' && typeof given !== 'boolean') {
      check.wrong(at, given, 'a text, a number, true or false')
      continue
    }
    try {
      defaultSettings({ [name]: String(given) })
      settings[name] = String(given)
    } catch (cause) {
      const hint = Object.hasOwn(SETTINGS, name) ? undefined : didYouMean(name, Object.keys(SETTINGS))
      check.problem(
        at,
        `${cause instanceof Error ? cause.message : String(cause)}${hint === undefined ? '' : ` ${hint}`}`,
      )
    }
  }
  return settings
}
