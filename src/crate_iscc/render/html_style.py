"""The look of the HTML report: light and dark, on a phone, a screen and paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b2530; --soft: #5a6875; --page: #f6f7f9;
  --card: #fff; --line: #dde2e7; --good: #146c3a; --goodbg: #e4f4ea; --bad: #a31621;
  --badbg: #fceaea; --warn: #7a4b00; --warnbg: #fdf1dc; --bar: #3b6ea8; --link: #1a5696; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --soft: #a3afba; --page: #14181d;
  --card: #1d232a; --line: #343d47; --good: #7fd8a2; --goodbg: #153524; --bad: #ff9d9d;
  --badbg: #421c20; --warn: #f3c678; --warnbg: #3d2d10; --bar: #7fb0e6; --link: #8fc1f5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 60rem; background: var(--page);
  color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
nav { margin-bottom: 1rem; }
h1, h2, h3, p, ul { margin: 0 0 .5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2rem; }
h3 { font-size: 1rem; }
h1, h3, code, li, td { overflow-wrap: anywhere; }
code { white-space: pre-wrap;
  font: .9em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
a { color: var(--link); }
ul { padding-left: 1.2rem; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: 1rem 1.2rem; margin-bottom: 1rem; }
.verdict { border-left: .5rem solid; }
.verdict.valid { background: var(--goodbg); border-color: var(--good); }
.verdict.invalid { background: var(--badbg); border-color: var(--bad); }
.verdict.incomplete { background: var(--warnbg); border-color: var(--warn); }
.word { font-size: 1.35rem; font-weight: 700; margin: .75rem 0 0; }
.valid .word { color: var(--good); }
.invalid .word, .level.error { color: var(--bad); }
.incomplete .word, .sign.no, .level.warning { color: var(--warn); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr));
  gap: 0 2rem; }
.signs { list-style: none; padding: 0; }
.signs li { padding-left: 1.6rem; text-indent: -1.6rem; }
.sign { display: inline-block; width: 1.6rem; text-indent: 0; font-weight: 700; }
.counts { display: flex; flex-wrap: wrap; gap: .75rem; list-style: none; padding: 0; }
.counts li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .5rem 1rem; min-width: 6rem; overflow-wrap: normal; }
.counts strong { display: block; font-size: 1.35rem; line-height: 1.3; }
.level { font-weight: 700; }
.level.info { color: var(--soft); }
.found { list-style: none; padding: 0; margin: .75rem 0 0; }
.found > li { border-top: 1px solid var(--line); padding: .5rem 0; }
.bar { display: inline-block; width: 8rem; height: .6rem; margin-left: .4rem;
  border: 1px solid var(--soft); border-radius: .3rem; overflow: hidden; }
.bar span { display: block; height: 100%; background: var(--bar);
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
details { margin: .25rem 0; }
summary { cursor: pointer; color: var(--link); }
details p { margin: .35rem 0 0; }
footer { margin-top: 2rem; font-size: .875rem; }
@media print { :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .card, .found > li { break-inside: avoid; } .kind { break-inside: auto; }
  h2, h3, .kind > p { break-after: avoid; } .kind > details { break-inside: avoid; }
  summary { color: inherit; } details::details-content { content-visibility: visible;
  block-size: auto; } }
"""
