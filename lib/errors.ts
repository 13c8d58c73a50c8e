import createError from '@fastify/error'

/** Every error that this plugin makes. `%s` is what was wrong, where, what was got and what to do. */
export const errors = {
  FST_CACHE_ERR_OPTIONS: createError('FST_CACHE_ERR_OPTIONS', 'fastify-cached: %s', 500, TypeError),
  FST_CACHE_ERR_ROUTE_OPTIONS: createError('FST_CACHE_ERR_ROUTE_OPTIONS', 'fastify-cached: route %s: %s', 500, TypeError),
  FST_CACHE_ERR_ALREADY_REGISTERED: createError('FST_CACHE_ERR_ALREADY_REGISTERED', "fastify-cached: '%s' is already registered in this scope; give the second cache a name of its own with CACHE_DECORATOR", 500),
  FST_CACHE_ERR_KEY: createError('FST_CACHE_ERR_KEY', 'fastify-cached: a key must be a non-empty string; got %s', 500, TypeError),
  FST_CACHE_ERR_VALUE: createError('FST_CACHE_ERR_VALUE', 'fastify-cached: the value of %s cannot be stored: %s', 500, TypeError),
  FST_CACHE_ERR_TIMEOUT: createError('FST_CACHE_ERR_TIMEOUT', 'fastify-cached: timeout must be a number of seconds, 0 (never expires) or more; got %s', 500, RangeError),
  FST_CACHE_ERR_NOT_A_NUMBER: createError('FST_CACHE_ERR_NOT_A_NUMBER', 'fastify-cached: %s does not hold a whole number that can be counted: one that inc, or set without tags, has put there', 500, TypeError),
  FST_CACHE_ERR_ARGUMENT: createError('FST_CACHE_ERR_ARGUMENT', 'fastify-cached: %s', 500, TypeError),
  FST_CACHE_ERR_BACKEND: createError('FST_CACHE_ERR_BACKEND', 'fastify-cached: the cache backend failed: %s', 503),
  FST_CACHE_ERR_BACKEND_DOWN: createError('FST_CACHE_ERR_BACKEND_DOWN', 'fastify-cached: the cache backend is down (%s); it is tried again in the background', 503),
  FST_CACHE_ERR_BACKEND_TIMEOUT: createError('FST_CACHE_ERR_BACKEND_TIMEOUT', 'fastify-cached: the cache backend did not answer within %s ms (CACHE_OPERATION_TIMEOUT)', 503),
  FST_CACHE_ERR_BACKEND_REFUSED: createError('FST_CACHE_ERR_BACKEND_REFUSED', 'fastify-cached: %s', 500),
  FST_CACHE_ERR_DIRECTORY: createError('FST_CACHE_ERR_DIRECTORY', 'fastify-cached: CACHE_DIR %s cannot be used: %s', 500),
  FST_CACHE_ERR_UNSUPPORTED: createError('FST_CACHE_ERR_UNSUPPORTED', 'fastify-cached: %s', 500),
  FST_CACHE_ERR_FUNCTION: createError('FST_CACHE_ERR_FUNCTION', 'fastify-cached: %s', 500, TypeError),
  FST_CACHE_ERR_HARD_TIMEOUT: createError('FST_CACHE_ERR_HARD_TIMEOUT', 'fastify-cached: %s did not finish within its hardTimeout of %s s', 504),
  FST_CACHE_ERR_DELETE_CACHED: createError('FST_CACHE_ERR_DELETE_CACHED', 'fastify-cached: deleteCached(%s): %s', 500),
  FST_CACHE_ERR_INSPECTOR: createError('FST_CACHE_ERR_INSPECTOR', 'fastify-cached/inspector: %s', 500, TypeError),
  FST_CACHE_ERR_INSPECTOR_REQUEST: createError('FST_CACHE_ERR_INSPECTOR_REQUEST', 'fastify-cached/inspector: %s', 400),
  FST_CACHE_ERR_INSPECTOR_ORIGIN: createError('FST_CACHE_ERR_INSPECTOR_ORIGIN', 'fastify-cached/inspector: only its own page may ask this', 403),
  FST_CACHE_ERR_CLOSED: createError('FST_CACHE_ERR_CLOSED', 'fastify-cached: the cache is closed', 503)
} as const

export type CacheErrorCode = keyof typeof errors
