"""The page's one style sheet: system fonts, two themes by the reader's choice, paper when printed."""

LIGHT = """--paper:#fcfcfb;--card:#ffffff;--ink:#1d2429;--quiet:#5b666e;--grid:#e6e8e6;--line:#c3cac6;
--best:#1f6f8b;--tint:#1f6f8b22;--fraud:#b83a2d;--honest:#9db0ab;--other:#7d878d;--warn:#8a5a00;--warn-paper:#fbf0d9;
--leak:#a02b20;--leak-paper:#fbe6e3"""

DARK = """--paper:#15191c;--card:#1b2024;--ink:#e6eaed;--quiet:#a2adb4;--grid:#2a3136;--line:#434d54;
--best:#5fb0cd;--tint:#5fb0cd2e;--fraud:#ef7566;--honest:#5d716d;--other:#8a959c;--warn:#edbd6b;--warn-paper:#3a2f17;
--leak:#ff9d91;--leak-paper:#42211d"""

_REST = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:40px 24px 80px}
header{border-bottom:1px solid var(--line);padding-bottom:20px;margin-bottom:8px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px;letter-spacing:-.015em;font-weight:650}
h2{font-size:21px;line-height:1.3;margin:56px 0 6px;letter-spacing:-.01em;font-weight:650}
h3{font-size:16px;margin:28px 0 4px;font-weight:650}
p{margin:6px 0 12px;max-width:72ch}
ul{max-width:76ch;padding-left:20px;margin:8px 0}
li{margin:4px 0}
a{color:var(--best)}
.rl-lead{font-size:19px;line-height:1.5;margin:22px 0 6px;max-width:62ch}
.rl-quiet,.rl-meta{color:var(--quiet)}
.rl-meta{margin:0}
nav{font-size:14px;margin-top:14px;display:flex;flex-wrap:wrap;gap:4px 18px}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
.rl-figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(164px,1fr));gap:1px;margin:26px 0 8px;
background:var(--line);border:1px solid var(--line);border-radius:8px;overflow:hidden}
.rl-figures div{background:var(--card);padding:14px 16px 13px}
.rl-figures dt{font-size:13px;color:var(--quiet)}
.rl-figures dd{margin:0}
.rl-figures .rl-big{font-size:25px;line-height:1.3;font-weight:650;letter-spacing:-.02em;white-space:nowrap}
.rl-figures .rl-long{font-size:20px;line-height:1.62}
.rl-figures .rl-small{font-size:13px;color:var(--quiet);line-height:1.4}
.rl-two{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,430px),1fr));gap:8px 36px}
figure{margin:20px 0 8px;min-width:0}
figcaption{font-size:14px;line-height:1.45;color:var(--quiet);margin-bottom:8px;max-width:74ch}
figcaption b{display:block;color:var(--ink);font-size:15px;font-weight:650}
.rl-draw{overflow-x:auto}
.rl-draw svg{display:block;width:100%;min-width:430px;height:auto}
.rl-draw.rl-full svg{min-width:680px}
.rl-draw.rl-middle svg{max-width:760px;min-width:560px}
.rl-legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;list-style:none;padding:0;margin:14px 0 0;
max-width:none}
.rl-legend li{margin:0;white-space:nowrap}
.rl-scroll{overflow-x:auto;margin:16px 0;position:relative}
.rl-scroll:focus-visible{outline:2px solid var(--best);outline-offset:3px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--quiet);font-size:14px;padding-bottom:6px}
th,td{padding:7px 10px;border-bottom:1px solid var(--grid);text-align:right;vertical-align:top}
thead th{color:var(--quiet);font-weight:500;font-size:13px;line-height:1.3;vertical-align:bottom;
border-bottom:1px solid var(--line)}
th:first-child{text-align:left;padding-left:0;white-space:nowrap}
tbody th{font-weight:500}
td{white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
.rl-bar{display:block;width:76px;height:9px;margin:3px 0 0 auto}
.rl-sample{width:26px;height:8px;margin-right:8px;vertical-align:middle}
.rl-sub{display:block;font-size:12px;color:var(--quiet);white-space:nowrap}
.rl-pill{font-size:11.5px;font-weight:550;border-radius:9px;padding:1px 8px;background:var(--tint);
color:var(--best);white-space:nowrap}
.rl-pill.rl-warn,.rl-pill.rl-suspicious{background:var(--warn-paper);color:var(--warn)}
.rl-pill.rl-leak{background:var(--leak-paper);color:var(--leak)}
.rl-findings{list-style:none;padding:0;max-width:none}
.rl-findings li{display:grid;grid-template-columns:92px 1fr;gap:10px;align-items:baseline;padding:6px 0;
border-bottom:1px solid var(--grid)}
.rl-findings .rl-pill{justify-self:start}
details{margin:6px 0 12px;font-size:14px}
summary{cursor:pointer;color:var(--quiet)}
.rl-card{border:1px solid var(--line);border-radius:10px;background:var(--card);
padding:8px 28px 24px;margin-top:20px}
.rl-card dl{display:grid;grid-template-columns:minmax(150px,240px) 1fr;gap:4px 20px;margin:8px 0;
font-size:14.5px}
.rl-card dt{color:var(--quiet)}
.rl-card dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.rl-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
footer{margin-top:48px;color:var(--quiet);font-size:13px}
svg text{font-family:inherit;fill:var(--ink)}
.rl-tick{font-size:12px;fill:var(--quiet)!important;font-variant-numeric:tabular-nums}
.rl-name{font-size:12.5px;fill:var(--quiet)!important}
.rl-note,.rl-label{font-size:12.5px}
.rl-note{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.rl-ink-fraud{fill:var(--fraud)!important}
.rl-ink-best{fill:var(--best)!important}
.rl-grid{stroke:var(--grid);stroke-width:1}
.rl-base{stroke:var(--line);stroke-width:1}
.rl-track{stroke:var(--grid);stroke-width:2}
.rl-line{fill:none;stroke-width:1.5;stroke-linejoin:round}
.rl-line.rl-best{stroke:var(--best);stroke-width:2.6}
.rl-line.rl-other{stroke:var(--other)}
.rl-line.rl-plain{stroke:var(--ink);stroke-width:1.8}
.rl-chance{fill:none;stroke:var(--line);stroke-width:1.2;stroke-dasharray:4 4}
.rl-band{fill:var(--tint);stroke:none}
.rl-fill.rl-best{fill:var(--best)}
.rl-fill.rl-fraud{fill:var(--fraud)}
.rl-fill.rl-honest{fill:var(--honest)}
.rl-fill.rl-faint{fill:var(--tint)}
.rl-dot.rl-best{fill:var(--best)}
.rl-dot.rl-hollow{fill:var(--paper);stroke:var(--best);stroke-width:2}
.rl-dot.rl-ring{fill:var(--paper);stroke:var(--best);stroke-width:2.6}
.rl-whisker{stroke:var(--best);stroke-width:2;opacity:.55}
.rl-cut{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:2 3}
@media (max-width:640px){main{padding:24px 16px 60px}h1{font-size:25px}.rl-card{padding:4px 16px 18px}
.rl-card dl{grid-template-columns:1fr;gap:0}.rl-card dd{margin-bottom:8px}
.rl-findings li{grid-template-columns:1fr}}
@media print{nav{display:none}main{max-width:none;padding:0}h2{break-after:avoid}
figure,table,.rl-card{break-inside:avoid}
.rl-scroll,.rl-draw{overflow:visible}.rl-draw svg,.rl-draw.rl-full svg{min-width:0}}
"""

STYLE = (
    f":root{{color-scheme:light dark;{LIGHT}}}\n"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{DARK}}}}}{_REST}"
)
