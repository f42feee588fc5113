"""The page's look: calm paper and ink, light and dark, on a desk, on a phone and on paper."""

from __future__ import annotations

from typing import Final

_LIGHT: Final = """--paper:#fbfaf6;--card:#ffffff;--ink:#1c2430;--quiet:#566170;--rule:#dcd8cc;--grid:#e9e6dc;
--fed:#0b6b6b;--own:#94550d;--loss:#a3352f;--gap:#6246a0;--bar:#9fb8b6;--wash:#f3f1e9;color-scheme:light"""

_DARK: Final = """--paper:#14181d;--card:#1a1f26;--ink:#e9e6df;--quiet:#a9b1bc;--rule:#353d48;--grid:#2a313a;
--fed:#5cc6be;--own:#e3aa62;--loss:#f2938a;--gap:#bca6f0;--bar:#3f6a69;--wash:#20262e;color-scheme:dark"""

_PAGE: Final = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main,header,footer{max-width:1000px;margin:0 auto;padding:0 28px}
header{padding-top:56px}
h1,h2,.lede,.fact b{font-family:"Iowan Old Style","Palatino Linotype",Palatino,Georgia,
"Songti SC","Noto Serif CJK SC",serif}
h1{font-size:2.3rem;line-height:1.2;font-weight:600;margin:.15em 0 .5em;overflow-wrap:anywhere}
h2{font-size:1.5rem;line-height:1.3;font-weight:600;margin:0 0 .4em}
h3{font-size:1rem;font-weight:600;margin:1.8em 0 .2em}
p{margin:.4em 0 1em;max-width:68ch}
a{color:var(--fed)}
.eyebrow{color:var(--quiet);font-size:.85rem;letter-spacing:.06em;margin:0}
.lede{font-size:1.28rem;line-height:1.5;max-width:60ch;margin:0 0 1.2em}
.quiet,figcaption{color:var(--quiet);font-size:.92rem}
section{margin:56px 0 0;padding-top:28px;border-top:1px solid var(--rule)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(120px,1fr));gap:18px 24px;margin:0;padding:20px 0 0;
border-top:1px solid var(--rule)}
.fact{display:flex;flex-direction:column-reverse;justify-content:flex-end}
.fact dt{color:var(--quiet);font-size:.88rem;line-height:1.4}
.fact dd{margin:0}
.fact b{font-size:1.55rem;font-weight:600;line-height:1.25;white-space:nowrap}
.note{border-left:3px solid var(--own);background:var(--wash);padding:12px 18px;margin:28px 0 0}
.note ul{margin:.3em 0;padding-left:1.2em}
figure{margin:18px 0;background:var(--card);border:1px solid var(--rule);border-radius:6px;
padding:18px 20px 14px;min-width:0}
figure>h3{margin-top:0}
figure>h3+p{margin-bottom:.8em;font-size:.95rem}
.pair{display:grid;grid-template-columns:1fr;gap:20px}
.pair figure{margin:0;display:flex;flex-direction:column}
.pair figure>p{flex:1 0 auto}
.scroll{overflow-x:auto;margin:14px 0}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--fed);outline-offset:3px}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--quiet);padding:0 0 6px;font-size:.88rem}
th,td{padding:7px 14px 7px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th:last-child,td:last-child{padding-right:2px}
thead th{color:var(--quiet);font-weight:500;border-bottom:1px solid var(--quiet);vertical-align:bottom}
tbody th{font-weight:600;overflow-wrap:anywhere;min-width:8em}
.num{text-align:right;white-space:nowrap}
tr.main th,tr.main td{background:var(--wash)}
.under{display:block;font-weight:400;color:var(--quiet);font-size:.86rem;line-height:1.45;max-width:34em}
details{margin:10px 0 0}
summary{cursor:pointer;color:var(--quiet);font-size:.9rem}
code{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
dl.pairs{display:grid;grid-template-columns:minmax(8em,max-content) 1fr;gap:8px 24px;margin:14px 0}
dl.pairs dt{color:var(--quiet)} dl.pairs dd{margin:0;min-width:0;overflow-wrap:anywhere}
footer{color:var(--quiet);font-size:.86rem;margin-top:64px;padding-top:18px;padding-bottom:48px}
.narrow{display:none}
"""

_CHART: Final = """
svg.chart{display:block;width:100%;height:auto;max-width:960px;margin:0 auto;overflow:visible}
.pair svg.chart{max-width:560px}
svg text{font-size:13px;fill:var(--ink)}
svg .soft,svg .tick{fill:var(--quiet)} svg .small{font-size:11.5px} svg .strong{font-weight:600}
svg .name{font-weight:500}
svg .tick,svg .strong{font-variant-numeric:tabular-nums}
svg .halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
svg .grid{stroke:var(--grid)} svg .axis{stroke:var(--quiet)} svg .zero{stroke:var(--ink);stroke-width:1.4}
svg .chance{stroke:var(--quiet);stroke-dasharray:4 5} svg .marked{stroke:var(--quiet);stroke-dasharray:2 4}
svg .bracket{stroke:var(--ink);stroke-width:1.8}
svg .line{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
svg .line.fed{stroke:var(--fed)} svg .line.own{stroke:var(--own);stroke-dasharray:7 5}
svg .line.gap{stroke:var(--gap);stroke-dasharray:2 5} svg .line.soft{stroke:var(--quiet)}
svg .area{stroke:none;fill-opacity:.14} svg .area.fed{fill:var(--fed)} svg .area.own{fill:var(--own)}
svg .whisker{fill:none;stroke-width:2;stroke:var(--fed)} svg .whisker.loss{stroke:var(--loss)}
svg .mark{stroke-width:2;fill:var(--fed);stroke:var(--fed)} svg .mark.own{fill:var(--own);stroke:var(--own)}
svg .mark.loss{fill:var(--loss);stroke:var(--loss)} svg .mark.gap{fill:var(--gap);stroke:var(--gap)}
svg .mark.soft{fill:var(--quiet);stroke:var(--quiet)} svg .mark.hollow{fill:var(--card)} svg .bar{fill:var(--bar)}
svg text.fed{fill:var(--fed)} svg text.own{fill:var(--own)} svg text.gap{fill:var(--gap)}
"""

_PHONE: Final = """
.wide{display:none} .narrow{display:block} main,header,footer{padding:0 16px} header{padding-top:32px}
h1{font-size:1.8rem} .lede{font-size:1.14rem} section{margin-top:40px} figure{padding:14px 12px 10px}
.facts{grid-template-columns:1fr 1fr} dl.pairs{grid-template-columns:1fr;gap:0} dl.pairs dd{margin-bottom:10px}
.under{min-width:13em}
"""

_PRINT: Final = """
@page{margin:16mm 14mm}
body{font-size:10.5pt;background:#fff} main,header,footer{max-width:none;padding:0} header{padding-top:0}
section{margin-top:26px;padding-top:16px} figure,.note,tr,.facts{break-inside:avoid} h2,h3,caption{break-after:avoid}
.scroll{overflow:visible} .pair{grid-template-columns:1fr 1fr;gap:12px} .pair figure{padding:10px}
details:not([open]),summary{display:none}
table{font-size:9pt} th,td{padding:4px 8px 4px 0}
"""

STYLE: Final = (
    f":root{{{_LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}{_PAGE}{_CHART}"
    "@media (min-width:860px){.pair{grid-template-columns:1fr 1fr}}"
    f"@media screen and (max-width:640px){{{_PHONE}}}"
    f"@media print{{:root{{{_LIGHT};--paper:#fff}}{_PRINT}}}"
)
"""The whole style sheet; it fetches nothing."""
