import type { FastifyRequest } from 'fastify'
import { errors } from '../errors.ts'

/** A header that no form can send, and no script of another origin without being allowed to by CORS. */
export const PAGE_HEADER = 'x-cache-inspector'

/**
 * Is this asked by the page itself? The header alone would not do: an application may allow other origins any header.
 * `Sec-Fetch-Site` says it where the browser sends it, else `Origin`; who sends neither is no browser.
 */
export async function fromOwnPage ({ headers }: FastifyRequest): Promise<void> {
  if (headers[PAGE_HEADER] === undefined) throw new errors.FST_CACHE_ERR_INSPECTOR_ORIGIN()
  const site = headers['sec-fetch-site']
  if (site !== undefined) {
    if (site !== 'same-origin') throw new errors.FST_CACHE_ERR_INSPECTOR_ORIGIN()
    return
  }
  const { origin } = headers
  if (origin !== undefined && hostOf(origin) !== (headers[':authority'] ?? headers.host)) throw new errors.FST_CACHE_ERR_INSPECTOR_ORIGIN()
}

function hostOf (origin: string): string | undefined {
  try {
    return new URL(origin).host
  } catch {
    return undefined
  }
}
