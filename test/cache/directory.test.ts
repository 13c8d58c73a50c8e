import t from 'tap'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import cached from '../../index.ts'

// A file in the place of CACHE_DIR: every operation fails, also for root.
for (const lenient of [false, true]) {
  t.test(`a directory that fails is a backend that fails: CACHE_IGNORE_ERRORS ${lenient}`, async (t) => {
    const dir = join(t.testdir(), 'cache')
    const app = Fastify()
    await app.register(cached, { CACHE_TYPE: 'FileSystemCache', CACHE_DIR: dir, CACHE_IGNORE_ERRORS: lenient })
    t.teardown(() => app.close())
    const { cache } = app
    t.equal(await cache.set('key', 'value', { tags: ['tag'] }), true)
    renameSync(dir, `${dir}-away`)
    writeFileSync(dir, 'in the way')

    for (const [call, otherwise] of [
      [() => cache.delete('key'), false], [() => cache.deleteMany(['key']), []],
      [() => cache.invalidateTags('tag'), undefined], [() => cache.clear(), false]
    ] as Array<[() => Promise<unknown>, unknown]>) {
      if (lenient) t.same(await call(), otherwise, String(call))
      else await t.rejects(call(), { code: /^FST_CACHE_ERR_(DIRECTORY|BACKEND)/ }, String(call))
    }
    await t.rejects(cache.inc('count'))
    t.equal(await cache.get('key'), undefined)
    t.ok(cache.stats().errors > 0)
    rmSync(dir)
    renameSync(`${dir}-away`, dir)
  })
}
