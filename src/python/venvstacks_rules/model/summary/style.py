"""The style of the page: light and dark, for screens and for paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --line: #d5dae1; --edge: #8b95a5;
  --text: #1b2230; --soft: #566173; --accent: #0b5fd0; --shade: #eef1f5;
  --runtime: #6d4bc4; --framework: #0b6e99; --application: #a85200;
  --runtime-tile: #e4dcf8; --framework-tile: #d3eaf5; --application-tile: #fbe3cd;
  --other-tile: #e5e8ed;
  --good: #1a7340; --warning: #8f5600; --bad: #b3261e; --alarm: #fdeceb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161d; --card: #1a202a; --line: #343e4c; --edge: #6c7a8e;
    --text: #e7ebf1; --soft: #a3afbf; --accent: #7db4ff; --shade: #232b37;
    --runtime: #b49bff; --framework: #5cc0ea; --application: #f0a05a;
    --runtime-tile: #3a3158; --framework-tile: #1d4254; --application-tile: #573a1f;
    --other-tile: #303946;
    --good: #63cf8b; --warning: #eab54d; --bad: #ff8d85; --alarm: #3d2322;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 74rem;
  background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif;
}
h1, h2, h3 { line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; } h2 { font-size: 1.35rem; } h3 { font-size: 1.05rem; }
p { margin: 0.35rem 0; }
a { color: var(--accent); }
a:focus-visible, .graph a:focus-visible .box { outline: 3px solid var(--accent); }
code, .mono, .graph text, .map text {
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
code { font-size: 0.9em; overflow-wrap: anywhere; }
header p, .soft { color: var(--soft); }
header, .stack { margin-bottom: 2rem; }
.stack > h2 { margin: 2.5rem 0 0.25rem; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.1rem 1.25rem; margin: 1rem 0;
}
.facts {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 0.75rem;
  margin: 1rem 0; padding: 0;
}
.facts > div {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 0.6rem 1rem;
}
.facts dt { color: var(--soft); font-size: 0.82rem; }
.facts dd { margin: 0; font-size: 1.3rem; font-weight: 600; }
figure { margin: 1rem 0; }
figcaption { color: var(--soft); font-size: 0.85rem; margin-top: 0.75rem; }
/* What can be scrolled has a shadow at the side where more is. */
.scroll {
  overflow-x: auto; background:
    linear-gradient(to right, var(--card) 40%, transparent) left / 2rem 100% no-repeat local,
    linear-gradient(to left, var(--card) 40%, transparent) right / 2rem 100% no-repeat local,
    linear-gradient(to right, var(--edge), transparent) left / 0.5rem 100% no-repeat scroll,
    linear-gradient(to left, var(--edge), transparent) right / 0.5rem 100% no-repeat scroll,
    var(--card);
}
.changes dt { margin-top: 0.6rem; } .changes dd { margin: 0 0 0 1.2rem; }
td { overflow-wrap: anywhere; }
svg { display: block; }
.graph { margin: 0 auto; }
.graph .kind { font-size: 12px; fill: var(--soft); }
.graph a { text-decoration: none; }
.box { fill: var(--card); stroke: var(--line); stroke-width: 1.25; }
.layer:hover .box { stroke: var(--accent); stroke-width: 2; }
.runtime .stripe, .runtime .bar { fill: var(--runtime); }
.framework .stripe, .framework .bar { fill: var(--framework); }
.application .stripe, .application .bar { fill: var(--application); }
.bar.planned { opacity: 0.45; }
.track { fill: var(--shade); }
.name { font-size: 12px; font-weight: 600; fill: var(--text); }
.graph .state, .graph .size { font-size: 11px; }
.graph .size { text-anchor: end; fill: var(--soft); }
.elsewhere .name { fill: var(--soft); font-weight: 400; }
.elsewhere .box { stroke-dasharray: 4 3; }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.4; }
.state { fill: var(--warning); color: var(--warning); }
.state.valid { fill: var(--good); color: var(--good); }
.state.missing, .state.unreadable { fill: var(--bad); color: var(--bad); }
.state.disabled { fill: var(--soft); color: var(--soft); }
.map { width: 100%; height: auto; }
.frame { fill: var(--shade); stroke: var(--line); }
.caption { font-size: 11px; font-weight: 600; fill: var(--text); }
.tile { stroke: none; }
.runtime .tile { fill: var(--runtime-tile); }
.framework .tile { fill: var(--framework-tile); }
.application .tile { fill: var(--application-tile); }
.region .tile.other { fill: var(--other-tile); }
.label { font-size: 11px; fill: var(--text); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: 0.85rem; padding-bottom: 0.35rem; }
th, td { text-align: left; padding: 0.3rem 0.8rem 0.3rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-size: 0.82rem; font-weight: 600; }
tbody th { font-weight: 500; overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
.packages { table-layout: fixed; }
.packages .wide:nth-child(2) { width: 17%; }
.packages .number { width: 13%; }
.share { width: 28%; }
th:last-child, td:last-child { padding-right: 0; }
tfoot th, tfoot td { border-top: 2px solid var(--line); font-weight: 600; }
.narrow { display: none; }
.below { color: var(--soft); font-size: 0.82rem; font-weight: 400; }
.meter { display: block; height: 0.55rem; border-radius: 0.3rem; background: var(--shade); }
.meter > span { display: block; height: 100%; border-radius: 0.3rem; min-width: 2px; }
.runtime .meter > span { background: var(--runtime); }
.framework .meter > span { background: var(--framework); }
.application .meter > span { background: var(--application); }
.detail { border-left: 5px solid var(--line); }
.detail.runtime { border-left-color: var(--runtime); }
.detail.framework { border-left-color: var(--framework); }
.detail.application { border-left-color: var(--application); }
.detail:target { outline: 3px solid var(--accent); }
.detail > header {
  display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.2rem 1rem; margin: 0;
}
.detail dl {
  display: grid; grid-template-columns: max-content minmax(0, 1fr);
  gap: 0.15rem 1rem; margin: 0.6rem 0 0.9rem;
}
.detail dt { color: var(--soft); } .detail dd { margin: 0; overflow-wrap: anywhere; }
.alarm {
  background: var(--alarm); border-left: 4px solid var(--bad); border-radius: 4px;
  padding: 0.5rem 0.8rem; margin: 0.6rem 0; overflow-wrap: anywhere;
}
.alarm ul { margin: 0.2rem 0; padding-left: 1.2rem; white-space: pre-line; }
footer { color: var(--soft); font-size: 0.85rem; margin-top: 3rem; }
@media screen and (max-width: 48rem) {
  body { padding: 1rem 0.75rem 3rem; }
  .card { padding: 0.9rem 0.9rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .graph.narrow, .map.narrow { width: 100%; max-width: 27rem; height: auto; margin: 0 auto; }
  .facts { grid-template-columns: repeat(auto-fill, minmax(6.4rem, 1fr)); gap: 0.5rem; }
  .facts > div { padding: 0.45rem 0.6rem; }
  .facts dd { font-size: 1.1rem; }
  th, td { padding-right: 0.6rem; }
  .packages { table-layout: auto; }
  .packages .number { width: auto; }
  td.number { font-size: 0.9rem; }
  .detail dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .detail dd { margin-bottom: 0.35rem; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --card: #fff; --line: #c8ced6; --edge: #7d8796; --text: #000; --soft: #444c58;
    --accent: #0b5fd0; --shade: #eef1f5;
    --runtime: #6d4bc4; --framework: #0b6e99; --application: #a85200;
    --runtime-tile: #e4dcf8; --framework-tile: #d3eaf5; --application-tile: #fbe3cd;
    --other-tile: #e5e8ed;
    --good: #1a7340; --warning: #8f5600; --bad: #b3261e; --alarm: #fdeceb;
  }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { padding: 0; max-width: none; font-size: 12px; }
  .graph { max-width: 100%; height: auto; }
  .scroll { overflow: visible; }
  figure, tr, .facts > div { break-inside: avoid; }
  h2, h3, caption, thead { break-after: avoid; }
}
"""
