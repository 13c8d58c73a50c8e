// Decorators called by hand: they are functions.
import 'reflect-metadata'
import { Controller, Get, Module, UseInterceptors } from '@nestjs/common'
import { CacheInterceptor, CacheModule } from '@nestjs/cache-manager'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { value } from '../lib/body.mjs'

export default async function start ({ run }) {
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
  Module({ imports: [CacheModule.register({ ttl: 600_000 })], controllers: [Page] })(App)

  const app = await NestFactory.create(App, new FastifyAdapter(), { logger: ['error'] })
  await app.listen(0, '127.0.0.1')
  return app.getHttpServer()
}
