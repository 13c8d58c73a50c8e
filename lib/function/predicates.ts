import { FENCE } from '../versions/names.ts'
import { errors } from '../errors.ts'
import type { Args, Engine, FillPlan } from './engine.ts'

type Options = Readonly<Record<string, unknown>>
type Predicate = (this: unknown, ...args: readonly unknown[]) => unknown

/** The user's predicates as a fill asks them. Only those that were given: asking costs a promise. */
export function applied (options: Options): Pick<FillPlan, 'forcedUpdate' | 'isStale' | 'responseFilter'> {
  const forcedUpdate = options.forcedUpdate as Predicate | undefined
  const isStale = options.isStale as Predicate | undefined
  const responseFilter = options.responseFilter as Predicate | undefined
  return {
    forcedUpdate: forcedUpdate && ((self, args) => forcedUpdate.apply(self, [...args])),
    isStale: isStale && ((stored, self, args) => isStale.call(self, stored, ...args)),
    responseFilter: responseFilter && ((result, self, args) => responseFilter.call(self, result, ...args))
  }
}

/** Does `unless` send this call round the cache? One that throws does. */
export async function goesRound (engine: Engine, plan: FillPlan, unless: Predicate, self: unknown, args: Args): Promise<boolean> {
  try {
    if (!await unless.apply(self, [...args])) return false
  } catch (error) {
    engine.complain(plan.label, 'unless threw; this call goes round the cache', error)
  }
  engine.events.bypass(plan.kind, undefined, 'unless')
  return true
}

/** Tags that are known before the read, and those that only the result brings. */
export function tagging (options: Options, tagName: (tag: string) => string): { names: readonly string[], computed: FillPlan['names'] } {
  const { tags } = options
  if (typeof tags !== 'function') return { names: [...new Set((tags as readonly string[] | undefined) ?? [])].map(tagName), computed: undefined }
  return {
    names: [FENCE],
    computed (result, self, args) {
      const made: unknown = (tags as Predicate).call(self, result, ...args)
      if (Array.isArray(made) && made.every((tag) => typeof tag === 'string' && tag !== '')) return made.map(tagName)
      if (made instanceof Promise) made.catch(() => {})
      throw new errors.FST_CACHE_ERR_FUNCTION('tags must return a list of non-empty strings')
    }
  }
}
