import { createHash } from 'node:crypto'
import { script } from './page-script.ts'
import { style } from './page-style.ts'

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Nothing but the page's own script and style, by their hashes; nobody may frame it. */
export const policy = [
  "default-src 'none'", `script-src ${hashOf(script)}`, `style-src ${hashOf(style)}`, "connect-src 'self'", 'img-src data:',
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"
].join('; ')

const chart = (id: string, title: string, series: ReadonlyArray<readonly [name: string, text: string]>): string => `
      <figure class="card">
        <figcaption>${title} <small>top: <span data-top="${id}">–</span></small></figcaption>
        <svg id="${id}" viewBox="0 0 600 160" preserveAspectRatio="none" role="img" aria-label="${title}: no data yet">
          <path class="grid" d="M0 40H600M0 80H600M0 120H600"/>
          ${series.map(([name]) => `<polyline class="line ${name}" data-series="${name}" points=""/>`).join('')}
        </svg>
        <ul class="legend">${series.map(([name, text]) => `<li><span class="key ${name}" aria-hidden="true"></span>${text} <output data-of="${id}" data-series="${name}">–</output></li>`).join('')}</ul>
      </figure>`

const choices = (name: string, list: ReadonlyArray<readonly [value: string, text: string]>): string => list
  .map(([value, text], i) => `<label class="choice"><input type="radio" name="${name}" value="${value}"${i === 0 ? ' checked' : ''}> ${text}</label>`).join('')

/** The whole page. Its data comes by script, and is only ever put in as text. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Cache inspector</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
  <a class="skip" href="#main">Skip to the numbers</a>
  <header>
    <h1>Cache inspector</h1>
    <label id="which" hidden>Cache <select id="cache"></select></label>
    <span id="health" class="pill">…</span>
    <button type="button" id="pause" aria-pressed="false">Pause</button>
  </header>
  <main id="main" tabindex="-1">
    <p id="message" role="status" aria-live="polite"></p>
    <noscript><p>The inspector needs JavaScript.</p></noscript>
    <section aria-labelledby="now-title">
      <h2 id="now-title">Now</h2>
      <dl id="tiles"></dl>
      <div class="charts">${chart('ratio', 'Hit ratio, %', [['hit', 'hits of all look-ups']])}${chart('latency', 'Mean latency, ms', [['served', 'from the cache'], ['made', 'from the handler'], ['backend', 'backend operation']])}
      </div>
    </section>
    <section aria-labelledby="routes-title">
      <h2 id="routes-title">Routes</h2>
      <div class="scroll card" tabindex="0" role="region" aria-labelledby="routes-title">
        <table>
          <thead><tr><th scope="col">Route</th><th scope="col">Hit ratio</th><th scope="col">Hits</th><th scope="col">Stale</th><th scope="col">Coalesced</th><th scope="col">Misses</th><th scope="col">Round the cache</th><th scope="col">Not stored</th><th scope="col">Mean size</th><th scope="col">Lifetime</th></tr></thead>
          <tbody id="routes"></tbody>
        </table>
      </div>
    </section>
    <div class="forms">
      <section aria-labelledby="lookup-title">
        <h2 id="lookup-title">Look an entry up</h2>
        <form id="lookup" class="card">
          <fieldset><legend>by</legend>${choices('by', [['url', 'URL'], ['key', 'key']])}</fieldset>
          <label for="lookup-value">URL or key</label>
          <div class="row"><input id="lookup-value" name="value" required maxlength="8192" autocomplete="off" autocapitalize="none" spellcheck="false" placeholder="/path?query"><button>Look up</button></div>
        </form>
        <div id="found" aria-live="polite"></div>
      </section>
      <section aria-labelledby="purge-title">
        <h2 id="purge-title">Purge</h2>
        <form id="purge" class="card">
          <fieldset><legend>by</legend>${choices('by', [['url', 'URL'], ['key', 'key'], ['tag', 'tag']])}</fieldset>
          <label for="purge-value">URL, key or tag</label>
          <div class="row"><input id="purge-value" name="value" required maxlength="8192" autocomplete="off" autocapitalize="none" spellcheck="false"><button class="danger">Purge …</button></div>
        </form>
      </section>
    </div>
  </main>
  <dialog id="confirm" aria-labelledby="confirm-title">
    <form method="dialog">
      <h2 id="confirm-title">Purge?</h2>
      <p id="confirm-text"></p>
      <div class="row end"><button value="no" autofocus>Cancel</button><button value="yes" class="danger">Purge</button></div>
    </form>
  </dialog>
<script>${script}</script>
</body>
</html>
`
