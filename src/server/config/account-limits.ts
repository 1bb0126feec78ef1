/**
 * What an administrator allows at most: maxima of the settings of SET for the whole server, for a group of accounts and
 * for one account, and how many queries an account may run. The nearest one counts: the account's own before that of
 * its group, that before the server's.
 */
import type { z } from 'zod'
import { LIMITABLE, type Maxima, readMaximum, type SettingName } from '../../plan/settings.ts'
import type { AccountLimits } from '../access/auth.ts'
import { converted, integer, object, text, type Tree } from './schema.ts'

/** The keys of settings under `limits`, each with the maximum as SET would take it. */
export function maximaShape(): Record<SettingName, z.ZodOptional<z.ZodType<number>>> {
  return Object.fromEntries(LIMITABLE.map((name) => [name, maximum(name).optional()])) as Record<
    SettingName,
    z.ZodOptional<z.ZodType<number>>
  >
}

function maximum(name: SettingName): z.ZodType<number> {
  return converted(readMaximum(name).expected, (given) =>
    typeof given === 'string' || typeof given === 'number' ? readMaximum(name).read(String(given)) : undefined,
  )
}

const QUERIES = 'max.concurrent.queries'

/** `limits` of an account or a group. */
export const accountLimits = object({ ...maximaShape(), [QUERIES]: integer(1, 1_000_000).optional() }).optional()

/** What `accountLimits` gives. */
export type GivenLimits = z.infer<typeof accountLimits>

/** A group of accounts that share limits. */
export const group = object({ name: text, limits: accountLimits })

/** A group as it was read. */
export type Group = z.infer<typeof group>

/** With whose limits they are, for the error. */
export function maximaOf(given: Readonly<Record<string, unknown>>, whose: string): Maxima {
  return Object.fromEntries(
    LIMITABLE.flatMap((name) => {
      const value = given[name]
      return typeof value === 'number' ? [[name, { value, whose }]] : []
    }),
  )
}

/** An account's limits, over those of its group. */
export function limitsOf(
  account: { readonly name: string; readonly limits?: GivenLimits; readonly group?: string },
  groups: readonly Group[],
): AccountLimits | undefined {
  const around = groups.find(({ name }) => name === account.group)
  const own = account.limits as Tree | undefined
  const shared = around?.limits as Tree | undefined
  if (own === undefined && shared === undefined) return undefined
  const queries = (own?.[QUERIES] ?? shared?.[QUERIES]) as number | undefined
  const maxima = {
    ...maximaOf(shared ?? {}, `of the group ${JSON.stringify(around?.name)}`),
    ...maximaOf(own ?? {}, `of the account ${JSON.stringify(account.name)}`),
  }
  return { maxima, ...(queries === undefined ? {} : { queries }) }
}
