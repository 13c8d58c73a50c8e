export { CacheOptionsSchema } from './cache-schema.ts'
export { RouteCacheOptionsSchema } from './route-schema.ts'
