import t from 'tap'
import nunjucks from 'nunjucks'
import { build } from '../examples/template-fragments.ts'
import { makeTemplateFragmentKey } from '../index.ts'
import { cacheTag } from '../lib/nunjucks.ts'
import type { FragmentCache } from '../lib/nunjucks.ts'
import { open, redisBench } from './cache/support.ts'

function renderer (cache: FragmentCache, log?: { warn (...args: unknown[]): void }): (source: string, context?: object) => Promise<string> {
  const environment = new nunjucks.Environment(null, { autoescape: true })
  environment.addExtension('cache', cacheTag(cache, { log: log as never }))
  environment.addFilter('slowly', (value: unknown, done: (error: null, value: unknown) => void) => { setImmediate(() => done(null, value)) }, true)
  return async (source, context = {}) => await new Promise((resolve, reject) => {
    environment.renderString(source, context, (error, text) => error === null ? resolve(text ?? '') : reject(error))
  })
}

t.test('{% cache %}', async (t) => {
  const { cache } = await open(t, { options: { CACHE_TYPE: 'SimpleCache' } })
  const render = renderer(cache)
  let runs = 0
  const count = (): number => ++runs

  t.equal(await render('a {% cache 60, "m", user %}<b>{{ user }} {{ count() }}</b>{% endcache %} z', { user: '<x>', count }), 'a <b>&lt;x&gt; 1</b> z')
  t.equal(await render('a {% cache 60, "m", user %}<b>{{ user }} {{ count() }}</b>{% endcache %} z', { user: '<x>', count }), 'a <b>&lt;x&gt; 1</b> z', 'stored as it was rendered, escaped once')
  t.equal(await render('{% cache 60, "m", user %}{{ count() }}{% endcache %}', { user: 'other', count }), '2')
  t.equal(await cache.get(makeTemplateFragmentKey('m', ['other'])), '2')
  t.equal(await render('{% cache "del", "m", user %}{{ count() }}{% endcache %}', { user: 'other', count }), '3', 'del renders')
  t.equal(await cache.get(makeTemplateFragmentKey('m', ['other'])), undefined, 'and removes')
  t.equal(await render('{% cache 60, "m", user | safe %}{{ count() }}{% endcache %}', { user: 'other', count }), '4')
  t.equal(await render('{% cache 60, "m", user %}{{ count() }}{% endcache %}', { user: 'other', count }), '4', 'text that is marked safe is text')

  const twice = '{% for i in [1, 2] %}{% cache 60, "loop", i %}{{ i }}:{{ count() | slowly }}{% cache 60, "inner" %}({{ count() }}){% endcache %} {% endcache %}{% endfor %}'
  const first = await render(twice.replace('for i', 'asyncEach i').replace('endfor', 'endeach'), { count })
  t.match(first, /^1:\d+\(\d+\) 2:\d+\(\d+\) $/)
  t.equal(await render(twice.replace('for i', 'asyncEach i').replace('endfor', 'endeach'), { count }), first)
  t.equal(await render('{% cache 60, "empty" %}{% endcache %}'), '')
  t.equal(await render('{% cache none, "default" %}x{% endcache %}'), 'x')
  await t.rejects(render('{% cache 60 %}x{% endcache %}'), /timeout and a name/)
  await t.rejects(render('{% cache 60, "broken" %}{{ fails() }}{% endcache %}', { fails () { throw new Error('mine') } }), /mine/, "a template's own error is its own")
  t.equal(await cache.has(makeTemplateFragmentKey('broken')), false)
})

t.test('a page is never lost for the sake of the cache', async (t) => {
  const redis = await redisBench()
  t.teardown(() => redis.stop())
  const { cache } = await open(t, redis)
  const warned: unknown[] = []
  const render = renderer(cache, { warn: (...args) => warned.push(args[1]) })
  t.equal(await render('{% cache 60, "a", f %}x{% endcache %}', { f: () => 1 }), 'x', 'a part that is no part of a key')
  t.equal(await render('{% cache 60, name %}x{% endcache %}', { name: undefined }), 'x')
  t.equal(await render('{% cache -5, "a" %}x{% endcache %}'), 'x', 'a timeout that is none')
  t.equal(warned.length, 3)
  await redis.kill()
  for (let i = 0; i < 4; i++) t.equal(await render('{% cache 60, "b" %}y{% endcache %}{% cache "del", "b" %}z{% endcache %}'), 'yz')
  const broken = renderer({ get: () => { throw new Error('get') }, set: async () => { throw new Error('set') }, delete: async () => { throw new Error('delete') } } as never)
  t.equal(await broken('{% cache 60, "b" %}y{% endcache %}{% cache "del", "b" %}z{% endcache %}'), 'yz')
})

t.test('the example, with @fastify/view and without', async (t) => {
  let made = 0
  const app = await build({ menu: () => `menu ${++made}` })
  t.teardown(() => app.close())
  t.match((await app.inject('/user/alice')).body, /menu 1<\/nav>\n<h1>alice/)
  t.match((await app.inject('/user/bob')).body, /menu 1<\/nav>\n<h1>bob/)
  t.match((await app.inject('/user/bob?language=de')).body, /menu 2</)
  t.match((await app.inject('/plain/carl')).body, /menu 1<\/nav>\n<h1>carl/)
  await app.inject({ method: 'DELETE', url: '/menu/en' })
  t.match((await app.inject('/user/alice')).body, /menu 3</)
  t.match((await app.inject('/user/bob?language=de')).body, /menu 2</)
})
