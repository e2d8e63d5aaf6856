#include "coordinator/report/html_style.h"

namespace coppice {

// s0..s3 are told apart by dash as well as by colour, for print and for colour-blind readers.
const std::string_view kPageStyle = R"css(
:root {
  --page: #f5f4ef; --card: #ffffff; --ink: #1d2420; --dim: #626b64; --line: #dedcd2; --grid: #ebe9e1;
  --band: #f1efe6; --accent: #1f7a55; --on-accent: #ffffff; --soft: #e2efe7; --off: #e6e4da;
  --s0: #1f7a55; --s1: #c05a14; --s2: #3567a8; --s3: #7c847e;
  --s4: #8a4fb0; --s5: #a8324a; --s6: #1b8a94; --s7: #8a7415;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #121614; --card: #1a1f1c; --ink: #e6eae5; --dim: #9aa59d; --line: #303833; --grid: #262d29;
    --band: #212824; --accent: #5cc193; --on-accent: #0c1a13; --soft: #203a2d; --off: #2b332e;
    --s0: #5cc193; --s1: #f0954a; --s2: #7fb0ee; --s3: #98a29b;
    --s4: #c79be6; --s5: #f0808f; --s6: #5fc8d2; --s7: #d3bd5c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 56px; }
header, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px 24px; margin: 0 0 18px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0 0 12px; }
h3 { font-size: 15px; margin: 20px 0 8px; }
p { margin: 0 0 10px; max-width: 100ch; }
small, .dim { color: var(--dim); }
.kicker { color: var(--accent); font-size: 12px; font-weight: 650; letter-spacing: .09em; text-transform: uppercase; margin: 0 0 4px; }
.verdict { font-size: 18px; line-height: 1.45; max-width: 84ch; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin: 16px 0; }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 23px; line-height: 1.25; font-weight: 650; white-space: nowrap; font-variant-numeric: tabular-nums; }
.tile span { color: var(--dim); font-size: 13px; display: block; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin: 12px 0 0; padding: 0; list-style: none; font-size: 13px; }
.chips li { background: var(--band); border-radius: 999px; padding: 2px 11px; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0 4px 16px; font-size: 14px; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.scroll { overflow-x: auto; margin: 0 -4px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 10px; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th { color: var(--dim); font-weight: 600; font-size: 13px; vertical-align: bottom; white-space: normal; }
th:first-child, td:first-child { text-align: left; }
td small { display: block; font-size: 12px; line-height: 1.3; }
tbody tr:last-child td { border-bottom: 0; }
tr.marked td { background: var(--soft); font-weight: 600; }
tr.marked td small { font-weight: 400; }
.chips + .charts { margin-top: 16px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 18px 28px; }
.charts > div > figure + figure { margin-top: 18px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); gap: 6px 32px; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: 14px; }
figcaption small { display: block; font-weight: 400; font-size: 13px; line-height: 1.35; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; color: var(--dim); margin-top: 2px; }
.key { display: inline-flex; align-items: center; gap: 6px; }
.swatch { width: 26px; height: 10px; flex: none; }
svg.plot { display: block; width: 100%; height: auto; margin-top: 4px; touch-action: pan-y; }
svg text { font-family: inherit; fill: var(--dim); font-size: 11.5px; }
svg .label { font-size: 11.5px; }
svg .stage { font-size: 11px; fill: var(--dim); }
svg .point-name { fill: var(--ink); }
svg .point-name.result { font-weight: 650; }
.grid { stroke: var(--grid); } .axis { stroke: var(--s3); } .leader { stroke: var(--s3); stroke-dasharray: 3 3; }
.band { fill: none; } .band.even { fill: var(--band); }
.frame { fill: none; stroke: var(--line); }
.cursor { stroke: var(--s3); display: none; }
.series path { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.series circle { fill: var(--c); }
.s0 { --c: var(--s0); } .s1 { --c: var(--s1); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); }
.s0 path { stroke-width: 2.4; } .s1 path { stroke-dasharray: 7 4; } .s2 path { stroke-width: 1.4; }
.s3 path { stroke-dasharray: 3 3; stroke-width: 1.4; } .s3 circle { display: none; }
.curve path { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; }
.curve circle, .curve polygon { fill: var(--c); stroke: var(--card); stroke-width: 1; }
.curve .error { stroke: var(--c); stroke-width: 1.2; }
.t0 { --c: var(--s0); } .t1 { --c: var(--s1); } .t2 { --c: var(--s2); } .t3 { --c: var(--s3); }
.t4 { --c: var(--s4); } .t5 { --c: var(--s5); } .t6 { --c: var(--s6); } .t7 { --c: var(--s7); }
.t1 path, .t5 path { stroke-dasharray: 7 4; } .t2 path, .t6 path { stroke-dasharray: 2 3; } .t3 path, .t7 path { stroke-dasharray: 9 3 2 3; }
.point { fill: var(--card); stroke: var(--s2); stroke-width: 2; } .point.result { fill: var(--accent); stroke: var(--card); stroke-width: 1.5; }
.bar { fill: var(--accent); fill-opacity: .55; } .bar.faint { fill-opacity: .3; }
.cell { fill: var(--accent); } .count { font-size: 10px; fill: var(--ink); } .count.strong { fill: var(--on-accent); }
.meter { display: block; height: 10px; min-width: 90px; margin: 6px 0 0; background: var(--off); border-radius: 3px; overflow: hidden; }
.meter span { display: block; height: 100%; background: var(--accent); border-radius: 3px 0 0 3px; }
.kept { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 4px 40px; font-size: 14px; }
.kept div { display: grid; grid-template-columns: minmax(90px, 12em) 1fr 13em; gap: 10px; align-items: start; }
.kept div > :first-child { overflow-wrap: anywhere; } .kept div > :last-child { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.layers { display: flex; flex-wrap: wrap; gap: 18px 30px; }
.layer { max-width: 100%; font-size: 14px; break-inside: avoid; }
.layer > img, .layer > svg { display: block; margin-top: 5px; max-width: 100%; max-height: 400px; }
.layer > svg { height: auto; } .layer > small { display: block; margin-top: 6px; }
img.bits { background: var(--off); } .layer > img { image-rendering: pixelated; }
path.kept { display: inline; fill: #2f9e6e; } path.dropped { fill: var(--off); }
details { margin-top: 6px; } summary { cursor: pointer; color: var(--accent); }
pre { background: var(--band); border-radius: 8px; padding: 14px 16px; overflow-x: auto; font: 13px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font: 13px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 0; font-size: 14px; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
.tip { position: absolute; pointer-events: none; z-index: 2; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 6px 10px; font-size: 13px; line-height: 1.4; box-shadow: 0 3px 14px rgba(0, 0, 0, .18); white-space: pre; }
footer { color: var(--dim); font-size: 13px; margin: 0 4px; }
@media (max-width: 640px) {
  main { padding: 12px 8px 32px; }
  header, section { padding: 15px 13px; }
  h1 { font-size: 23px; } .verdict { font-size: 16px; }
  .tiles { grid-template-columns: 1fr 1fr; } .tile { padding: 8px 10px; } .tile b { font-size: 19px; }
  svg text, svg .label { font-size: 13.5px; } svg .stage { font-size: 12.5px; } svg .count { font-size: 11px; }
  th:first-child, td:first-child { position: sticky; left: 0; background: var(--card); }
  tr.marked td:first-child { background: var(--soft); }
  .kept div { grid-template-columns: 1fr auto; gap: 0 10px; margin-bottom: 4px; } .kept .meter { grid-row: 2; grid-column: 1 / 3; margin-top: 0; }
  .pair td { white-space: normal; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; }
}
@media print {
  @page { margin: 14mm; }
  body { font-size: 11px; background: none; } p { break-after: avoid; } main { max-width: none; padding: 0; }
  header, section { border: 0; border-radius: 0; padding: 0; margin-bottom: 18px; }
  nav, .tip { display: none; }
  .charts, .pair { grid-template-columns: 1fr 1fr; } .tiles { grid-template-columns: repeat(3, 1fr); }
  figure, tr, .tile, .layer { break-inside: avoid; } h2 { break-after: avoid; }
  .scroll { overflow: visible; } pre { white-space: pre-wrap; }
  table { font-size: 10px; } th, td { padding: 4px 5px; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
)css";

const std::string_view kPageScript = R"js(
(() => {
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  document.body.append(tip);
  const short = v => Number(v.toPrecision(4)).toString();
  const shown = {
    percent: v => (100 * v).toFixed(2) + ' %',
    number: short,
    bytes: v => {
      const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
      let i = 0;
      while (v >= 1024 && i < units.length - 1) { v /= 1024; ++i; }
      return short(v) + ' ' + units[i];
    },
  };
  const list = text => text.split(' ').map(v => v === 'x' ? NaN : Number(v));
  for (const svg of document.querySelectorAll('svg[data-left]')) {
    const d = svg.dataset, left = +d.left, width = +d.width, least = +d.least, most = +d.most;
    const series = [...svg.querySelectorAll('g.series')].map(g => ({
      name: g.dataset.name, show: shown[g.dataset.kind], xs: list(g.dataset.x), ys: list(g.dataset.y)}));
    const bands = [...svg.querySelectorAll('.band')].map(b => b.dataset);
    const all = [...new Set(series.flatMap(s => s.xs.filter((_, i) => !Number.isNaN(s.ys[i]))))];
    const cursor = svg.querySelector('.cursor');
    const leave = () => { tip.hidden = true; cursor.style.display = 'none'; };
    svg.addEventListener('pointermove', event => {
      const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
      const at = least + (most - least) * ((event.clientX - box.left) * scale - left) / width;
      let x = all[0];
      for (const v of all) if (Math.abs(v - at) < Math.abs(x - at)) x = v;
      const band = bands.find(b => x >= +b.first && x <= +b.last);
      const lines = ['round ' + x + (band ? ', ' + band.name : '')];
      for (const s of series) {
        let i = s.xs.length - 1;
        while (i >= 0 && (s.xs[i] > x || Number.isNaN(s.ys[i]))) --i;
        if (i < 0) continue;
        lines.push(s.name + '  ' + s.show(s.ys[i]) + (s.xs[i] < x ? ' (round ' + s.xs[i] + ')' : ''));
      }
      tip.textContent = lines.join('\n');
      tip.hidden = false;
      const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
      tip.style.left = Math.max(4, Math.min(event.pageX + 14, room)) + 'px';
      tip.style.top = event.pageY + 16 + 'px';
      const px = left + width * (x - least) / (most - least);
      cursor.setAttribute('x1', px);
      cursor.setAttribute('x2', px);
      cursor.style.display = 'inline';
    });
    svg.addEventListener('pointerleave', leave);
    svg.addEventListener('pointercancel', leave);
  }
  addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(d => { d.open = true; }));
})();
)js";

}  // namespace coppice
