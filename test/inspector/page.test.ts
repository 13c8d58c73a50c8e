import t from 'tap'
import type { Test } from 'tap'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import inspector from '../../lib/inspector/index.ts'
import { startOrigin } from '../helpers/origin.ts'
import type { Origin } from '../helpers/origin.ts'

// In a real browser, without a screen. SCREENSHOTS=1 writes the pictures of the docs anew.

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))
const images = join(import.meta.dirname, '../../docs/images')

async function origin (t: Test): Promise<Origin> {
  const o = await startOrigin(async (app) => {
    await app.register(inspector, { prefix: '/cache-inspector', authorize: false })
    app.get('/api/weather/:city', { config: { cache: { timeout: 300, tags: ['weather'] } } }, async (request, reply) => {
      await sleep(12)
      reply.header('x-note', '<img src=x onerror=alert(1)>')
      return { city: (request.params as { city: string }).city }
    })
    app.get('/news', { config: { cache: { timeout: 30, staleWhileRevalidate: 30, tags: ['front'] } } }, async () => await sleep(25, { news: 'x'.repeat(2_000) }))
    app.get('/account', { config: { cache: { timeout: 60 } } }, async (_request, reply) => reply.header('set-cookie', 'a=b').send('x'))
  })
  t.teardown(() => o.close())
  return o
}

async function traffic (o: Origin): Promise<void> {
  for (const city of ['London', 'Oslo', 'London', 'London', 'Oslo']) await o.get(`/api/weather/${city}`)
  for (let i = 0; i < 4; i++) await o.get('/news')
  await o.get('/news', { authorization: 'Bearer x' })
  await o.get('/account')
}

if (executablePath === undefined) {
  t.test('the page in a browser', { skip: 'Chromium is not installed (apt-get install chromium)' }, async () => {})
} else {
  const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  t.teardown(() => browser.close())

  /** The page with some data, and what the browser complained of. */
  const open = async (t: Test, o: Origin, options: BrowserContextOptions = {}): Promise<{ page: Page, faults: string[], outside: string[] }> => {
    const context = await browser.newContext(options)
    t.teardown(() => context.close())
    const page = await context.newPage()
    const faults: string[] = []
    const outside: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()) })
    page.on('dialog', (dialog) => { faults.push('a dialog'); dialog.dismiss().catch(() => {}) })
    page.on('request', (request) => { if (!request.url().startsWith(`http://127.0.0.1:${o.port}/`) && !request.url().startsWith('data:')) outside.push(request.url()) })
    await page.goto(`http://127.0.0.1:${o.port}/cache-inspector`)
    await page.getByText('GET /api/weather/:city').waitFor()
    return { page, faults, outside }
  }
  const picture = async (page: Page, name: string): Promise<void> => {
    if (process.env.SCREENSHOTS !== undefined) await page.screenshot({ path: join(images, `inspector-${name}.png`), fullPage: name !== 'desktop' })
  }
  const withTraffic = async (o: Origin, page: Page, rounds = process.env.SCREENSHOTS === undefined ? 1 : 6): Promise<void> => {
    for (let i = 0; i < rounds; i++) {
      await traffic(o)
      await page.waitForResponse((response) => response.url().endsWith('/data'))
    }
  }

  t.test('live numbers and charts', async (t) => {
    const o = await origin(t)
    const { page, faults, outside } = await open(t, o, { viewport: { width: 1280, height: 900 }, colorScheme: 'light' })
    await withTraffic(o, page)
    const row = page.getByRole('row').filter({ hasText: 'GET /news' })
    await row.getByText('authorization').waitFor()
    t.match(await row.innerText(), /uri-miss 1/)
    await page.locator('output[data-of=ratio]').filter({ hasText: '%' }).waitFor()
    t.match(await page.locator('#ratio').getAttribute('aria-label'), /hit \d+\.\d %/)
    t.match(await page.locator('#latency .line.served').getAttribute('points'), /^\d/)
    t.match(await page.locator('#health').innerText(), /SimpleCache: in memory/)
    await picture(page, 'desktop')
    t.same(faults, [])
    t.same(outside, [], 'nothing from elsewhere')
  })

  t.test('looks up and purges by keyboard alone', async (t) => {
    const o = await origin(t)
    await traffic(o)
    const { page, faults } = await open(t, o)
    await page.locator('#lookup-value').focus()
    await page.keyboard.type('/api/weather/London')
    await page.keyboard.press('Enter')
    const found = page.locator('#found article')
    await found.waitFor()
    t.match(await found.innerText(), /x-note\s+<img src=x onerror=alert\(1\)>/, 'as text')
    t.equal(await page.locator('#found img').count(), 0)
    t.match(await found.innerText(), /Remaining life\s+\d+ (s|min)/)

    await found.getByRole('button', { name: 'Purge this entry' }).focus()
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    t.equal(await page.evaluate('document.activeElement.textContent'), 'Cancel', 'the harmless button has the focus')
    await page.keyboard.press('Escape')
    await page.locator('dialog[open]').waitFor({ state: 'detached' })
    t.match((await o.get('/api/weather/London')).headers['cache-status'], /hit/, 'nothing was purged')

    await page.locator('#purge').getByRole('radio', { name: 'tag' }).focus()
    await page.keyboard.press('Space')
    await page.locator('#purge-value').focus()
    await page.keyboard.type('weather')
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText('Purged: “weather”.').waitFor()
    t.match((await o.get('/api/weather/London')).headers['cache-status'], /uri-miss/)
    t.same(faults, [])
  })

  t.test('nothing that a user sent becomes markup', async (t) => {
    const o = await origin(t)
    const evil = '<img src=x onerror=alert(1)>'
    await o.app.cache.set(evil, 1, { tags: [evil] })
    await o.get(`/api/weather/${encodeURIComponent(evil)}`)
    const { page, faults } = await open(t, o)
    await page.locator('#lookup').getByRole('radio', { name: 'key' }).check()
    await page.locator('#lookup-value').fill(evil)
    await page.locator('#lookup button').click()
    await page.locator('#found article').waitFor()
    await page.locator('#found').getByRole('button').click()
    await page.locator('dialog[open]').waitFor()
    t.match(await page.locator('#confirm-text').innerText(), evil)
    t.equal(await page.locator('img').count(), 0)
    t.same(faults, [])
  })

  t.test('on a phone', async (t) => {
    const o = await origin(t)
    const { page, faults } = await open(t, o, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 1 })
    await withTraffic(o, page)
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'the page does not scroll sideways')
    for (const button of await page.getByRole('button').all()) {
      const box = await button.boundingBox()
      if (box !== null) t.ok(box.height >= 40, `${await button.innerText()} can be hit with a finger`)
    }
    await picture(page, 'phone')
    t.same(faults, [])
  })

  t.test('in the dark', async (t) => {
    const o = await origin(t)
    const { page, faults } = await open(t, o, { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' })
    await withTraffic(o, page)
    t.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(16, 19, 23)')
    await picture(page, 'dark')
    t.same(faults, [])
  })

  t.test('everything has a name that is read out', async (t) => {
    const o = await origin(t)
    const { page } = await open(t, o)
    const nameless = await page.evaluate('[...document.querySelectorAll(\'input, select, button\')].filter((one) => one.labels?.length === 0 && one.textContent.trim() === \'\').map((one) => one.outerHTML)')
    t.same(nameless, [])
    t.equal(await page.evaluate('document.documentElement.lang'), 'en')
    t.equal(await page.locator('h1').count(), 1)
    const tabs: string[] = []
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab')
      tabs.push(await page.evaluate('document.activeElement.id || document.activeElement.textContent.trim()'))
    }
    for (const reached of ['pause', 'lookup-value', 'purge-value']) t.ok(tabs.includes(reached), `Tab reaches ${reached}`)
  })
}
