// Decorators called by hand: they are functions. `redis`: the store that Nest's documentation names for Redis.
import 'reflect-metadata'
import { Controller, Get, Module, UseInterceptors } from '@nestjs/common'
import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { value } from '../lib/body.mjs'

async function stores (port) {
  const { default: KeyvRedis } = await import('@keyv/redis')
  return { stores: [new KeyvRedis(`redis://127.0.0.1:${port}`)] }
}

export default async function start ({ run, redisPort, redis = false }) {
  class Page {
    page () {
      run()
      return value
    }
  }
  Get('page')(Page.prototype, 'page', Object.getOwnPropertyDescriptor(Page.prototype, 'page'))
  UseInterceptors(CacheInterceptor)(Page)
  Controller()(Page)
  class App {}
  const cache = redis
    ? CacheModule.registerAsync({ useFactory: async () => ({ ttl: 600_000, ...await stores(redisPort) }) })
    : CacheModule.register({ ttl: 600_000 })
  Module({ imports: [cache], controllers: [Page] })(App)

  const app = await NestFactory.create(App, new FastifyAdapter(), { logger: ['error'] })
  await app.listen(0, '127.0.0.1')
  return app.getHttpServer()
}
