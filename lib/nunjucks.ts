import type { FastifyBaseLogger } from 'fastify'
import { makeTemplateFragmentKey } from './function/fragment.ts'
import type { Cache } from '../types/cache.ts'

/** What the tag needs of `fastify.cache`. */
export type FragmentCache = Pick<Cache, 'get' | 'set' | 'delete'>

export interface CacheTagOptions {
  /** Told of parts that cannot be a part of a key, and of a deletion that failed. Default: nobody. */
  log?: Pick<FastifyBaseLogger, 'warn'> | undefined
}

/** As much of Nunjucks as an extension works with. */
interface Parser {
  nextToken (): { readonly value: string }
  parseSignature (tolerant: boolean | null, noParens: boolean): { readonly children: readonly unknown[] }
  advanceAfterBlockEnd (name?: string): void
  parseUntilBlocks (...names: string[]): unknown
}
interface Nodes { readonly CallExtensionAsync: new (extension: unknown, method: string, args: unknown, contents: readonly unknown[]) => unknown }
type Callback = (error: unknown, result?: unknown) => void
type Body = (callback: (error: unknown, text?: string) => void) => unknown

/** A Nunjucks extension, for `environment.addExtension`. */
export interface CacheTag {
  readonly tags: string[]
  readonly autoescape: boolean
  parse (parser: unknown, nodes: unknown, lexer?: unknown): unknown
  run (...args: unknown[]): void
}

/**
 * `{% cache timeout, "name", vary… %}…{% endcache %}`: the piece of a page is rendered once per `name` and `vary`, and
 * kept for `timeout` seconds (`none`: the default lifetime, 0: for ever, `"del"`: it is removed and rendered anew).
 * `makeTemplateFragmentKey(name, [vary…])` is its key.
 *
 * A page is never lost for the cache's sake: while the backend is down, or where a part of the key or the timeout
 * cannot be used, the piece is simply rendered. Rendering has to be asynchronous (with a callback).
 *
 * @example environment.addExtension('cache', cacheTag(app.cache))
 */
export function cacheTag (cache: FragmentCache, { log }: CacheTagOptions = {}): CacheTag {
  async function stored (key: string, dropped: boolean): Promise<string | undefined> {
    if (!dropped) {
      const text = await cache.get(key)
      return typeof text === 'string' ? text : undefined
    }
    await cache.delete(key).catch((error: unknown) => { log?.warn({ err: error }, 'fastify-cached: a template fragment could not be deleted') })
    return undefined
  }

  async function fragment (args: readonly unknown[], body: Body): Promise<string> {
    const [timeout, name, ...varyOn] = args
    const dropped = timeout === 'del'
    let key: string
    try {
      key = makeTemplateFragmentKey(name as string, varyOn.map(plain))
    } catch (error) {
      log?.warn({ err: error }, 'fastify-cached: {% cache %} goes round the cache')
      return await render(body)
    }
    const known = await stored(key, dropped).catch(() => undefined)
    if (known !== undefined) return known
    const text = await render(body)
    if (!dropped) {
      await cache.set(key, String(text), timeout as number).catch((error: unknown) => { log?.warn({ err: error }, `fastify-cached: {% cache %} '${String(name)}' is not stored`) })
    }
    return text
  }

  return {
    tags: ['cache'],
    // What it brings was escaped as it was rendered.
    autoescape: false,

    parse (parser, nodes) {
      const reader = parser as Parser
      const token = reader.nextToken()
      const args = reader.parseSignature(null, true)
      if (args.children.length < 2) throw new Error('{% cache %} takes a timeout and a name: {% cache 60, "menu", user.name %}')
      reader.advanceAfterBlockEnd(token.value)
      const body = reader.parseUntilBlocks('endcache')
      reader.advanceAfterBlockEnd()
      return new (nodes as Nodes).CallExtensionAsync(this, 'run', args, [body])
    },

    run (_context, ...rest) {
      const done = rest.pop() as Callback
      const body = rest.pop() as Body
      fragment(rest, body).then((text) => done(null, text), (error: unknown) => done(error))
    }
  }
}

async function render (body: Body): Promise<string> {
  // What the body returns is only what was ready at once; the callback has the whole.
  return await new Promise((resolve, reject) => {
    body((error, text) => {
      if (error === null || error === undefined) resolve(text ?? '')
      else reject(error)
    })
  })
}

/** A string that a template marked as safe is an object in its words; in a key its text counts. */
function plain (part: unknown): unknown {
  return part instanceof String ? String(part) : part
}
