"""The frame of a report: one HTML page with its style and its script, and nothing from outside."""

import base64
import hashlib
from html import escape


def page(title: str, body: str) -> str:
    """The whole page around a body; the browser is told to run its own script alone."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    html = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)} – Fieldfit</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main><script>{SCRIPT}</script></body></html>\n"
    )
    return html.encode("utf-8", "replace").decode()  # a file's name may hold what is no letter


STYLE = """
:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1c1d22;--soft:#62656e;--rule:#1c1d221f;
--wash:#1c1d220a;--serif:"Source Serif 4","Iowan Old Style","Palatino Linotype",Palatino,
"URW Palladio L",P052,Georgia,serif;--sans:Inter,system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;--mono:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",
monospace}
@media(prefers-color-scheme:dark){:root{--paper:#131418;--ink:#e6e5e1;--soft:#9c9ea8;
--rule:#e6e5e126;--wash:#e6e5e10d}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 var(--sans);
-webkit-font-smoothing:antialiased}
main{max-width:1216px;margin:0 auto;padding:clamp(28px,6vw,72px) clamp(18px,4vw,48px) 96px}
figure{margin:0;min-width:0}
img{display:block;max-width:100%}
.crisp{image-rendering:pixelated}
[hidden]{display:none!important}
.kicker{margin:0 0 20px;color:var(--soft);font-size:14px;letter-spacing:.01em}
.kicker b{color:var(--ink)}.kicker span{overflow-wrap:anywhere}.kicker span:before{content:"/";
margin:0 .5em 0 .25em;opacity:.5}
h1{margin:0;max-width:24em;font:400 clamp(27px,3.6vw,43px)/1.2 var(--serif);
letter-spacing:-.012em;text-wrap:balance}
h1 .name{font-weight:600}
.dek{margin:18px 0 0;max-width:46em;font:18px/1.5 var(--serif);color:var(--soft)}
.name{font-weight:600;white-space:nowrap}
.name:before{content:"";display:inline-block;width:.6em;height:.6em;margin-right:.38em;
border-radius:50%;background:var(--paint)}
h1 .name:before{width:.42em;height:.42em;margin-right:.22em;vertical-align:.1em}
section{margin-top:clamp(52px,7vw,88px)}header+section{margin-top:clamp(36px,4.5vw,56px)}
h2{margin:0 0 8px;font:600 23px/1.25 var(--serif);letter-spacing:-.005em}
h3{margin:26px 0 8px;font-size:14px}
.guide{margin:0 0 24px;max-width:44em;font:16.5px/1.55 var(--serif);color:var(--soft);
text-wrap:pretty}
.guide b{color:var(--ink);font-weight:600}
figcaption{font-size:13px;color:var(--soft);font-variant-numeric:tabular-nums}
figcaption .name,figcaption .original{color:var(--ink);font-size:14px}
figcaption .figure{float:right}
.cards{display:grid;gap:28px 20px;grid-template-columns:repeat(var(--columns),minmax(0,1fr))}
.card figcaption{margin-top:8px}
.frame{position:relative}
.frame img,.detail,.strip img{outline:1px solid var(--rule);outline-offset:-1px}
.card .main,.card .detail{width:100%;height:auto}
.card .detail{margin-top:3px}
.card .main{user-select:none;-webkit-user-drag:none;-webkit-touch-callout:none}
.box{position:absolute;border:1.5px solid #fff;box-shadow:0 0 0 1px #0009,inset 0 0 0 1px #0006}
.hint{margin:-12px 0 4px;color:var(--soft);font-size:13.5px}
.scrub{position:sticky;top:0;z-index:1;display:flex;align-items:center;gap:12px;margin:0 0 8px;
padding:12px 0;background:var(--paper);color:var(--soft);font-size:13px}
.scrub input{flex:0 1 420px;min-width:120px;accent-color:var(--ink)}
.scrub output{min-width:7em;margin-left:12px;color:var(--ink);font-weight:600;
font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.summary{width:100%;font-size:14px}
.summary th,.summary td{padding:12px 0 12px 18px;text-align:right;vertical-align:top;
white-space:nowrap;border-bottom:1px solid var(--rule);font-weight:400}
.summary thead th{padding-top:0;padding-bottom:8px;color:var(--soft);font-size:12.5px;
white-space:normal;vertical-align:bottom}
.summary th:first-child{padding-left:0;text-align:left;white-space:normal}
.summary td:nth-child(2){font-weight:600}
.summary small{display:block;max-width:25em;margin-top:2px;color:var(--soft);font-size:12.5px;
line-height:1.4}
.notes{margin:14px 0 0;padding:0;list-style:none;max-width:50em;color:var(--soft);font-size:14px}
.strip{display:grid;gap:10px;grid-template-columns:repeat(var(--n),minmax(0,1fr))}
.strip img{width:100%}
.strip figcaption{margin-top:5px;font-size:12.5px}.strip figcaption span{float:right}
.strip .last figcaption{color:var(--ink);font-weight:600}
.strip .empty figcaption{display:flex;align-items:center;justify-content:center;margin:0;
aspect-ratio:var(--shape);border:1px dashed var(--rule);text-align:center;padding:4px}
.maps{display:grid;gap:36px 32px;grid-template-columns:repeat(var(--columns),minmax(0,1fr))}
.pair{display:grid;gap:0 56px;grid-template-columns:repeat(2,minmax(0,1fr))}
.pair section{display:grid;grid-template-rows:subgrid;grid-row:span 3}
.pair figure{align-self:end}
.maps figure{width:fit-content;max-width:100%}
.maps figcaption{margin-bottom:10px}
.chart{display:block}
.tight{display:none}
details{border-top:1px solid var(--rule);padding:12px 0}
details:last-child{border-bottom:1px solid var(--rule)}
summary{cursor:pointer}
summary::marker{color:var(--soft);font-size:.8em}summary span{color:var(--soft);margin-left:.5em}
.source{margin:12px 0 0;color:var(--soft);font-size:13.5px}
.knobs{margin:12px 0 8px;font:13px/1.5 var(--mono)}
.knobs th{padding:1px 28px 1px 0;text-align:left;font-weight:400;color:var(--soft)}
.knobs td{overflow-wrap:anywhere}
.command{display:flex;gap:12px;align-items:center;padding:12px 16px;background:var(--wash);
border-radius:6px}
.command pre{flex:1;margin:0;white-space:pre-wrap;overflow-wrap:anywhere;
font:13.5px/1.55 var(--mono)}
.command span{display:inline-block;max-width:100%}
button{padding:4px 12px;border:1px solid var(--rule);border-radius:5px;background:var(--paper);
color:inherit;font:13px/1.5 var(--sans);cursor:pointer}
.machine{display:grid;grid-template-columns:auto 1fr;gap:3px 24px;margin:24px 0 0;font-size:14px}
.machine dt{color:var(--soft)}.machine dd{margin:0}
:focus-visible{outline:2px solid #56b4e9;outline-offset:2px}
@media(max-width:1000px){
.cards,.maps{grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))}
.pair{display:block}
}
@media(max-width:760px){
.roomy{display:none}.tight{display:block}
.strip{grid-template-columns:none;grid-auto-flow:column;grid-auto-columns:38vw;overflow-x:auto;
scroll-snap-type:x proximity;margin:0 calc(-1*clamp(18px,4vw,48px));
padding:0 clamp(18px,4vw,48px) 6px}
.strip figure{scroll-snap-align:center}
.cards{gap:20px 12px;grid-template-columns:repeat(var(--narrow),minmax(0,1fr))}
.scrub input{flex:1 1 90px;min-width:0}
.scrub output{margin:0;min-width:5.2em}
.summary thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.summary tr{display:grid;grid-template-columns:repeat(2,1fr);gap:2px 20px;padding:16px 0;
border-bottom:1px solid var(--rule)}
.summary tr th{grid-column:1/-1;padding:0 0 6px;border:0}
.summary tr td{display:flex;justify-content:space-between;gap:10px;
padding:2px 0;border:0;white-space:normal}
.summary td:before{content:attr(data-head);color:var(--soft);font-weight:400}
}
@media print{main{padding:0}.scrub{display:none}section{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

SCRIPT = """
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const cards = all('.card[data-row]'), original = cards[0]?.querySelector('.main').src;
  const scrub = document.querySelector('.scrub');
  const looks = row => all(`.strip[data-row="${row}"] figure[data-seconds]`);
  const far = (a, b) => Math.abs(Math.log((a + 1e-9) / (b + 1e-9)));

  for (const card of cards) {
    const image = card.querySelector('.main');
    card.end = image.src;
    card.detail = card.querySelector('.detail')?.src;
    if (card.dataset.row === 'original') continue;
    card.looks = looks(card.dataset.row).map(f => ({
      seconds: +f.dataset.seconds, figure: f.dataset.figure, src: f.querySelector('img').src,
      detail: f.dataset.detail}));
    let held = null;
    image.addEventListener('pointerdown', () => { held ??= image.src; image.src = original; });
    for (const name of ['pointerup', 'pointerleave', 'pointercancel'])
      image.addEventListener(name, () => { if (held) image.src = held; held = null; });
    image.addEventListener('contextmenu', event => { if (held) event.preventDefault(); });
  }

  const cursor = seconds => {
    for (const chart of all('svg[data-time]')) {
      const [low, high, start, end] = chart.dataset.time.split(' ').map(Number);
      const line = chart.querySelector('.now');
      const share = Math.log(seconds / low) / Math.log(high / low);
      const seen = seconds && share >= 0 && share <= 1;
      line.setAttribute('visibility', seen ? 'visible' : 'hidden');
      if (seen) line.setAttribute('transform', `translate(${start + share * (end - start)} 0)`);
    }
  };

  const show = seconds => {
    for (const card of cards) {
      if (!card.looks?.length) continue;
      const image = card.querySelector('.main'), figure = card.querySelector('.figure');
      const look = seconds && card.looks.reduce((a, b) =>
        far(b.seconds, seconds) < far(a.seconds, seconds) ? b : a);
      image.src = look ? look.src : card.end;
      if (card.detail) card.querySelector('.detail').src = look ? look.detail : card.detail;
      figure.textContent = look ? look.figure : figure.dataset.final;
    }
    cursor(seconds);
  };

  if (scrub) {
    const input = scrub.querySelector('input'), output = scrub.querySelector('output');
    const times = scrub.dataset.times.split(' ').map(Number), said = JSON.parse(scrub.dataset.said);
    const moved = () => {
      const i = +input.value, last = i === times.length - 1;
      output.textContent = last ? 'in the end' : said[i];
      input.setAttribute('aria-valuetext', output.textContent);
      show(last ? 0 : times[i]);
    };
    for (const part of all('.scrub, .hint')) part.hidden = false;
    input.addEventListener('input', moved);
    moved();
  }

  for (const chart of all('svg[data-time]')) {
    const [low, high, start, end] = chart.dataset.time.split(' ').map(Number);
    chart.addEventListener('pointermove', event => {
      const box = chart.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * chart.viewBox.baseVal.width;
      const share = (x - start) / (end - start);
      cursor(share >= 0 && share <= 1 ? low * (high / low) ** share : 0);
    });
    chart.addEventListener('pointerleave', () => cursor(0));
  }

  const button = document.querySelector('.command button');
  const code = document.querySelector('.command code');
  button.hidden = false;
  button.addEventListener('click', async () => {
    try { await navigator.clipboard.writeText(code.textContent); }
    catch {
      getSelection().selectAllChildren(code);
      document.execCommand('copy');
    }
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1600);
  });
})();
"""
