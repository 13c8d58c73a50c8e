/** The page's style; light and dark by what the reader prefers. */
export const style = `
:root { --back: #f5f6f8; --card: #fff; --text: #1b1f24; --soft: #57606a; --line: #d5d9df; --hit: #0a6e3d; --made: #b04a00; --backend: #5a3fc0; --bad: #b3141d; --good: #0a6e3d; --focus: #0b5fd0 }
@media (prefers-color-scheme: dark) {
  :root { --back: #101317; --card: #1a1f25; --text: #e7eaee; --soft: #a3adb8; --line: #333b45; --hit: #4cc98a; --made: #ffa45c; --backend: #b3a1ff; --bad: #ff8a84; --good: #4cc98a; --focus: #7db4ff }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
header, main { max-width: 76rem; margin: 0 auto; padding: .75rem 1rem }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem }
h1 { font-size: 1.25rem; margin: 0; flex: 1 1 auto }
h2 { font-size: 1.05rem; margin: 1.25rem 0 .5rem } #now-title { margin-top: 0 } figcaption small { color: var(--soft); font-weight: 400; float: right }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem }
.pill { border: 1px solid currentColor; border-radius: 1rem; padding: .1rem .7rem; font-weight: 600; font-size: .9rem }
.up { color: var(--good) } .down { color: var(--bad) }
#message { min-height: 1.5em; margin: 0; color: var(--soft) } #message.error { color: var(--bad); font-weight: 600 }
dl#tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: .5rem; margin: 0 }
dl#tiles > div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem }
dt { color: var(--soft); font-size: .85rem } dl#tiles dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums }
.charts, .forms { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .75rem; margin-top: .75rem; align-items: start }
figure { margin: 0 } figcaption { font-weight: 600; font-size: .9rem }
svg { width: 100%; height: 9rem; display: block }
.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; fill: none }
.line { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke }
.line.hit, .line.served { stroke: var(--hit) } .line.made { stroke: var(--made); stroke-dasharray: 7 3 } .line.backend { stroke: var(--backend); stroke-dasharray: 2 3 }
.legend { list-style: none; margin: .25rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: .85rem }
.key { display: inline-block; width: 1.2em; border-top: 3px solid; vertical-align: middle; margin-right: .3em }
.key.hit, .key.served { border-color: var(--hit) } .key.made { border-color: var(--made); border-top-style: dashed } .key.backend { border-color: var(--backend); border-top-style: dotted }
output { font-weight: 600; font-variant-numeric: tabular-nums }
.scroll { overflow-x: auto; padding: 0 }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { padding: .45rem .6rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left; font-weight: 600 }
thead th { color: var(--soft); font-weight: 600 } tbody tr:last-child > * { border-bottom: 0 }
td small { display: block; color: var(--soft) }
fieldset { border: 0; padding: 0; margin: 0 0 .4rem; display: flex; gap: 1rem; align-items: center } legend { float: left; padding: 0; color: var(--soft) }
.choice { display: inline-flex; gap: .35rem; align-items: center; min-height: 2rem }
.row { display: flex; gap: .5rem; flex-wrap: wrap } .row.end { justify-content: flex-end }
input:not([type=radio]), select, button { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--soft); border-radius: .35rem; padding: .4rem .7rem; min-height: 2.5rem }
input:not([type=radio]) { flex: 1 1 12rem; min-width: 0 }
button { cursor: pointer; font-weight: 600 } button.danger { color: var(--bad); border-color: var(--bad) }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }
#found > * { margin-top: .5rem } #found p { overflow-wrap: anywhere }
#found dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .75rem; margin: 0 0 .5rem; font-size: .9rem } #found dd { margin: 0; overflow-wrap: anywhere }
dialog { border: 1px solid var(--line); border-radius: .5rem; background: var(--card); color: var(--text); max-width: min(32rem, 92vw) } dialog::backdrop { background: rgb(0 0 0 / .5) } dialog h2 { margin-top: 0 } dialog p { overflow-wrap: anywhere }
.skip { position: absolute; left: -999rem } .skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .3rem .6rem }
`
