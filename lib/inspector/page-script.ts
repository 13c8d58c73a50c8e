/**
 * The page's script. It runs in the browser as it stands: no build. All that comes from the server goes in by
 * `textContent` or `setAttribute`, never as markup.
 */
export const script = String.raw`
'use strict'
const EVERY = 2000
const MOST = 90
const base = location.pathname.replace(/\/$/, '')
const $ = (id) => document.getElementById(id)
let caches = []
let chosen = 0
let paused = false
const histories = []

function make (tag, text, attributes) {
  const node = document.createElement(tag)
  if (text !== undefined && text !== null) node.textContent = text
  for (const name in attributes) node.setAttribute(name, attributes[name])
  return node
}

function say (text, bad) {
  $('message').textContent = text
  $('message').className = bad ? 'error' : ''
}

async function ask (path, body) {
  const headers = { 'x-cache-inspector': '1', accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const answer = await fetch(base + path, { method: body === undefined ? 'GET' : 'POST', headers, credentials: 'same-origin', cache: 'no-store', ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  let found = {}
  try { found = await answer.json() } catch {}
  if (!answer.ok) throw new Error(found.message || 'The server answered ' + answer.status)
  return found
}

const number = (n) => n.toLocaleString()
const share = (part, all) => all === 0 ? '–' : (100 * part / all).toFixed(1) + ' %'
const bytes = (n) => n === null || n === undefined ? '–' : n < 1000 ? n + ' B' : n < 1e6 ? (n / 1e3).toFixed(1) + ' kB' : (n / 1e6).toFixed(1) + ' MB'
const seconds = (n) => n === null ? 'never expires' : n < 120 && n > -120 ? n + ' s' : Math.round(n / 60) + ' min'
const lookups = (s) => s.hits + s.stale + s.misses + s.coalesced
const served = (s) => s.hits + s.stale + s.coalesced

function tiles (cache) {
  const s = cache.stats
  const list = [['Hit ratio', share(served(s), lookups(s))], ['Look-ups', number(lookups(s))], ['Entries', s.entries === undefined ? '–' : number(s.entries)], ['Size', bytes(s.bytes)], ['Flights', number(cache.flights)], ['Refreshes', number(cache.refreshes)], ['Errors', number(s.errors)]]
  $('tiles').replaceChildren(...list.map(([name, value]) => {
    const div = make('div')
    div.append(make('dt', name), make('dd', value))
    return div
  }))
}

function health (cache) {
  const pill = $('health')
  pill.className = 'pill ' + (cache.up ? 'up' : 'down')
  if (cache.up) pill.textContent = cache.backend + (cache.remote ? ': up, breaker closed' : ': in memory') + (cache.outages > 0 ? ', outages: ' + cache.outages : '')
  else pill.textContent = cache.backend + ': down since ' + new Date(cache.since).toLocaleTimeString() + ', breaker open'
  pill.title = cache.reason || ''
}

function cell (main, reasons) {
  const td = make('td', main)
  const parts = Object.entries(reasons || {}).sort((a, b) => b[1] - a[1])
  for (const [reason, count] of parts) td.append(make('small', reason + ' ' + number(count)))
  return td
}

function routes (cache) {
  const rows = cache.routes.map((route) => {
    const tr = make('tr')
    const skipped = Object.values(route.skipReasons).reduce((sum, n) => sum + n, 0)
    const life = typeof route.timeout === 'number' ? route.timeout + ' s' : route.timeout
    tr.append(make('th', route.route, { scope: 'row' }), cell(share(served(route), lookups(route))), cell(number(route.hits)), cell(number(route.stale)), cell(number(route.coalesced)), cell(number(route.misses), route.missReasons), cell(number(route.bypasses), route.bypassReasons), cell(number(skipped), route.skipReasons), cell(bytes(route.size)), cell(life, route.lifetime === null || route.lifetime === route.timeout ? {} : { 'latest, s:': route.lifetime }))
    return tr
  })
  if (rows.length === 0) {
    const tr = make('tr')
    tr.append(make('td', 'No route is cached.', { colspan: '10' }))
    rows.push(tr)
  }
  $('routes').replaceChildren(...rows)
}

function remember (cache, i) {
  const kept = histories[i] = histories[i] || { last: undefined, points: [] }
  const { last } = kept
  kept.last = cache
  if (last === undefined) return
  const mean = (name) => {
    const count = cache.latency[name].count - last.latency[name].count
    return count <= 0 ? null : (cache.latency[name].ms - last.latency[name].ms) / count
  }
  const all = lookups(cache.stats) - lookups(last.stats)
  kept.points.push({ hit: all <= 0 ? null : 100 * (served(cache.stats) - served(last.stats)) / all, served: mean('served'), made: mean('made'), backend: mean('backend') })
  if (kept.points.length > MOST) kept.points.shift()
}

function draw (id, names, points, top, unit, digits) {
  const texts = []
  for (const name of names) {
    const line = []
    let latest = null
    points.forEach((point, x) => {
      if (point[name] === null) return
      latest = point[name]
      line.push((600 * (x + MOST - points.length) / (MOST - 1)).toFixed(1) + ',' + (156 - 152 * Math.min(1, point[name] / top)).toFixed(1))
    })
    if (line.length === 1) line.push(line[0])
    $(id).querySelector('[data-series=' + name + ']').setAttribute('points', line.join(' '))
    const text = latest === null ? '–' : latest.toFixed(digits) + unit
    document.querySelector('output[data-of=' + id + '][data-series=' + name + ']').textContent = text
    texts.push(name + ' ' + text)
  }
  document.querySelector('[data-top=' + id + ']').textContent = top.toFixed(0) + unit
  $(id).setAttribute('aria-label', $(id).parentElement.querySelector('figcaption').firstChild.textContent.trim() + ': ' + texts.join(', '))
}

function charts () {
  const { points } = histories[chosen] || { points: [] }
  draw('ratio', ['hit'], points, 100, ' %', 1)
  const highest = Math.max(1, ...points.flatMap((point) => [point.served, point.made, point.backend]).filter((n) => n !== null))
  draw('latency', ['served', 'made', 'backend'], points, highest, ' ms', 2)
}

function show () {
  const cache = caches[chosen]
  if (cache === undefined) return say('No cache is registered on this server.', true)
  tiles(cache)
  health(cache)
  routes(cache)
  charts()
}

async function read () {
  try {
    caches = (await ask('/data')).caches
    caches.forEach(remember)
    if ($('cache').options.length !== caches.length) {
      $('cache').replaceChildren(...caches.map((cache, i) => make('option', cache.name + ' (' + cache.prefix + ')', { value: i })))
      $('which').hidden = caches.length < 2
    }
    if ($('message').className === 'error') say('')
    show()
  } catch (error) {
    say(error.message, true)
  }
}

async function loop () {
  if (!paused && !document.hidden) await read()
  setTimeout(loop, EVERY)
}

function entry (one) {
  const card = make('article', undefined, { class: 'card' })
  const facts = [['Key', one.key], ['Kind', one.kind], ['State', one.freshness], ['Remaining life', seconds(one.ttl)], ['Stored', new Date(one.created).toLocaleString()]]
  if (one.route) facts.unshift(['Route', one.route])
  if (one.tags.length > 0) facts.push(['Tags', one.tags.join(', ')])
  if (one.status !== undefined) facts.push(['Status', one.status], ['Size', bytes(one.size)])
  const dl = make('dl')
  for (const [name, value] of facts) dl.append(make('dt', name), make('dd', value))
  card.append(dl)
  if (one.headers) {
    const details = make('details', undefined, { open: '' })
    const list = make('dl')
    for (const [name, value] of one.headers) list.append(make('dt', name), make('dd', value))
    details.append(make('summary', 'Headers'), list)
    card.append(details)
  }
  const button = make('button', 'Purge this entry …', { type: 'button', class: 'danger' })
  button.addEventListener('click', () => purge('key', one.key))
  card.append(button)
  return card
}

function confirmed (text) {
  const dialog = $('confirm')
  $('confirm-text').textContent = text
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }))
}

async function purge (by, value) {
  const what = { url: 'What is stored for the URL ', key: 'The entry of the key ', tag: 'Every entry with the tag ' }[by] + '“' + value + '”'
  if (!await confirmed(what + ' will be removed from ' + caches[chosen].name + '.')) return
  try {
    const { removed } = await ask('/purge', { cache: chosen, by, value })
    say(removed === false ? 'Nothing was stored under “' + value + '”.' : 'Purged: “' + value + '”.')
    $('found').replaceChildren()
    await read()
  } catch (error) {
    say(error.message, true)
  }
}

$('lookup').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = new FormData(event.target)
  try {
    const { entries, notes } = await ask('/lookup', { cache: chosen, by: form.get('by'), value: form.get('value') })
    const texts = entries.length === 0 ? ['Nothing is stored there.', ...notes] : notes
    $('found').replaceChildren(...entries.map(entry), ...texts.map((note) => make('p', note)))
  } catch (error) {
    say(error.message, true)
  }
})
$('purge').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = new FormData(event.target)
  purge(form.get('by'), form.get('value'))
})
$('pause').addEventListener('click', () => {
  paused = !paused
  $('pause').setAttribute('aria-pressed', String(paused))
  $('pause').textContent = paused ? 'Go on' : 'Pause'
})
$('cache').addEventListener('change', (event) => {
  chosen = Number(event.target.value)
  $('found').replaceChildren()
  show()
})
document.addEventListener('visibilitychange', () => { if (!document.hidden && !paused) read() })
loop()
`
