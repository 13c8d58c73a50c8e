import { types } from 'node:util'

import { errors } from '../errors.ts'
import type { Callable, Memoized } from '../../types/functions.ts'
import type { Args, Call, Engine, FillPlan, FillRules } from './engine.ts'
import { readThrough } from './fill.ts'
import { collected } from './generator.ts'
import { MemoizeKeys, hasIdentity } from './memoize-key.ts'
import type { MemoizeKey } from './memoize-key.ts'
import { functionName, instanceName } from './names.ts'
import { MemoizeOptionsSchema, checkOptions, checkTimeout, lifetimeOf, rulesOf } from './options.ts'
import { applied, goesRound, tagging } from './predicates.ts'
import { usesThis } from './uses-this.ts'

export interface MemoizeContext {
  readonly engine: Engine
  /** NullCache: every call runs. */
  readonly off: boolean
  /** The prefix of the keys of functions. */
  readonly space: string
  readonly cacheName: (name: string) => string
  readonly defaultTimeout: number
  readonly hashMethod: string
  readonly sourceCheck: boolean
  readonly tagName: (tag: string) => string
  /** @throws FST_CACHE_ERR_FUNCTION */
  readonly claim: (name: string, fn: Callable, chosen: boolean) => void
  readonly purge: (names: readonly string[], key: string) => Promise<void>
  readonly remove: (key: string) => Promise<void>
}

/** What stands behind a memoized function. */
export interface MemoizedFunction {
  /** How its keys begin: the same for every way to memoize a function that reads the same entries. */
  readonly start: string
  /** @param bound `undefined`: the instance, where there is one, is the first argument */
  forget (bound: unknown, args: Args): Promise<void>
  forgetAll (): Promise<void>
}

type Run = (this: unknown, ...args: readonly unknown[]) => unknown

/** @throws FST_CACHE_ERR_FUNCTION, FST_CACHE_ERR_OPTIONS, FST_CACHE_ERR_TIMEOUT: all when it is defined, not when it is called */
export function memoize<F extends Callable> (context: MemoizeContext, fn: F, given: unknown): { memoized: Memoized<F>, record: MemoizedFunction } {
  if (typeof fn !== 'function') throw new errors.FST_CACHE_ERR_FUNCTION(`memoize takes a function; got ${fn === null ? 'null' : typeof fn}`)
  const options = checkOptions(MemoizeOptionsSchema, `memoize(${nameOf(fn)})`, given)
  const name = chosenName(fn, options)
  context.claim(name, fn, options.name !== undefined || options.makeName !== undefined)
  const label = `memoize(${name})`
  const source = Function.prototype.toString.call(fn)
  const method = usesThis(source)
  const keys = new MemoizeKeys({
    label,
    name,
    space: context.space,
    argsToIgnore: (options.argsToIgnore as readonly number[] | undefined) ?? [],
    source: ((options.sourceCheck as boolean | undefined) ?? context.sourceCheck) ? source : undefined,
    hashMethod: (options.hashMethod as string | undefined) ?? context.hashMethod,
    needsIdentity: method,
    makeCacheKey: options.makeCacheKey as Run | undefined
  })
  const run = (self: unknown, args: Args): unknown => {
    const result = (fn as unknown as Run).apply(self, [...args])
    return types.isPromise(result) ? result.then(collected) : collected(result)
  }
  const { names: staticTags, computed } = tagging(options, context.tagName)
  const plan: FillPlan & { rules: FillRules } = {
    kind: 'memoize',
    label,
    rules: rulesOf(options, context.defaultTimeout, { none: false, undefined: true }),
    run,
    derive: options.makeCacheKey === undefined ? (self, args) => keys.of(self, args, () => {})?.key : undefined,
    ...applied(options),
    names: computed
  }
  const own = functionName(name)
  const names = [context.cacheName(own), own, ...staticTags]
  const { engine } = context
  const unless = options.unless as Run | undefined

  const keyFailed = (error: unknown): void => engine.complain(label, 'makeCacheKey failed; this call goes round the cache', error)

  const cachedCall = (self: unknown, args: Args): unknown => {
    const made = keys.of(self, args, keyFailed)
    if (made === undefined) {
      engine.events.bypass('memoize', undefined, 'makeCacheKey')
      return run(self, args)
    }
    const { key, identity } = made
    const call: Call = { plan, key, names: identity === '' ? names : names.concat(instanceName(name, identity)), self, args }
    return readThrough(engine, call)
  }

  const invoke = (self: unknown, args: Args): unknown => {
    if (context.off) return run(self, args)
    if (unless === undefined) return cachedCall(self, args)
    return goesRound(engine, plan, unless, self, args).then((round) => round ? run(self, args) : cachedCall(self, args))
  }

  /** Whose results are meant: a method's instance comes as `this`, or else first. */
  const addressed = (bound: unknown, args: Args): { self: unknown, rest: Args } => {
    if (bound !== memoized && hasIdentity(bound)) return { self: bound, rest: args }
    return method ? { self: args[0], rest: args.slice(1) } : { self: undefined, rest: args }
  }

  const address = (bound: unknown, args: Args): MemoizeKey => {
    const { self, rest } = addressed(bound, args)
    let cause: unknown
    const made = keys.of(self, rest, (error) => { cause = error })
    if (made === undefined) throw cause
    return made
  }

  const record: MemoizedFunction = {
    start: keys.start,
    async forget (bound, args) {
      if (context.off) return
      const { self, rest } = addressed(bound, args)
      if (rest.length === 0) {
        if (self === undefined && args.length === 0) return record.forgetAll()
        const identity = keys.identity(self)
        if (identity !== '') return context.purge([instanceName(name, identity)], name)
      }
      return context.remove(address(bound, args).key)
    },
    async forgetAll () {
      if (!context.off) await context.purge([own], name)
    }
  }

  function memoized (this: unknown, ...args: unknown[]): Promise<unknown> {
    try {
      // A native promise is handed on as it is; a result that was at hand becomes one.
      return Promise.resolve(invoke(this, args))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  let timeout = (options.timeout as number | undefined) ?? context.defaultTimeout
  Object.defineProperties(memoized, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
    uncached: { value: fn, enumerable: true },
    cacheTimeout: {
      enumerable: true,
      get: () => timeout,
      set: (seconds: unknown) => {
        timeout = seconds === undefined || seconds === null ? context.defaultTimeout : checkTimeout(seconds)
        plan.rules = { ...plan.rules, lifetime: lifetimeOf(timeout) }
      }
    },
    makeCacheKey: { enumerable: true, value (this: unknown, ...args: unknown[]) { return address(this, args).key } },
    deleteMemoized: { enumerable: true, value (this: unknown, ...args: unknown[]) { return record.forget(this, args) } }
  })
  return { memoized: memoized as unknown as Memoized<F>, record }
}

function nameOf (fn: object): string {
  const { name } = fn as { name?: unknown }
  return typeof name === 'string' ? name : ''
}

function chosenName (fn: object, options: Readonly<Record<string, unknown>>): string {
  const name = (options.name as string | undefined) ?? nameOf(fn)
  const makeName = options.makeName as ((name: string) => unknown) | undefined
  if (makeName !== undefined) {
    const made = makeName(name)
    if (typeof made === 'string' && made !== '') return made
    throw new errors.FST_CACHE_ERR_FUNCTION(`memoize(${name}): makeName must return a non-empty string; got ${typeof made === 'string' ? "''" : typeof made}`)
  }
  if (name === '') throw new errors.FST_CACHE_ERR_FUNCTION("memoize: an anonymous function needs a name, which is part of its keys; name it, or give the option 'name'")
  if (options.name === undefined && name.startsWith('bound ')) {
    throw new errors.FST_CACHE_ERR_FUNCTION(`memoize: '${name}' is bound to a this that cannot be seen, and all functions bound from one would share ` +
      "their entries; memoize the method itself and give its class a cachingId(), or give the option 'name', one for each instance")
  }
  return name
}
