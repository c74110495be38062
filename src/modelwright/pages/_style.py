"""The look of the page: one style sheet, light and dark."""

_LIGHT = """--bg:#ffffff;--soft:#f6f7f9;--line:#e3e6eb;--text:#1c2330;--dim:#667085;--accent:#2457d6;--on:#1f6feb;
--off:#d9480f;
--good:#15803d;--warning:#b45309;--advice:#2457d6;--plain:#667085;
--c0:#2457d6;--c1:#d9480f;--c2:#15803d;--c3:#8b3fc7;--c4:#b7791f;--c5:#0e7490;--c6:#be185d;--c7:#4d5a6e;"""
_DARK = """--bg:#12151b;--soft:#1a1f28;--line:#2c3340;--text:#e6e9ef;--dim:#98a2b3;--accent:#7aa5ff;--on:#388bfd;
--off:#f0703a;
--good:#4ade80;--warning:#fbbf24;--advice:#7aa5ff;--plain:#98a2b3;
--c0:#7aa5ff;--c1:#ff9466;--c2:#5fd38a;--c3:#c79bff;--c4:#f2c14e;--c5:#54c7dd;--c6:#ff8fb8;--c7:#aab4c4;"""
_SERIES = "".join(
    f".line.c{i}{{stroke:var(--c{i})}}.mark.c{i},.dot.c{i}{{fill:var(--c{i})}}.legend i.c{i}{{background:var(--c{i})}}"
    for i in range(8)
)

STYLE = (
    f":root{{{_LIGHT}}}@media(prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    """
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.55 system-ui,-apple-system,
"Segoe UI",Roboto,"Noto Sans",
"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;font-variant-numeric:tabular-nums}
main{box-sizing:border-box;width:100%;min-width:0;max-width:1080px;margin:0 auto;padding:40px 32px 64px}
.with-nav{display:grid;grid-template-columns:210px minmax(0,1fr)}
nav{position:sticky;top:0;align-self:start;height:100vh;overflow:auto;padding:44px 14px 24px 24px;
border-right:1px solid var(--line);
background:var(--soft)}
nav .brand{margin:0 0 18px 10px;font-weight:650;letter-spacing:.01em}
nav a{display:block;padding:5px 10px;margin:1px 0;border-radius:6px;color:var(--dim);text-decoration:none;
overflow-wrap:anywhere}
nav a:hover{background:var(--line);color:var(--text)}
h1{font-size:28px;line-height:1.25;letter-spacing:-.015em;margin:0 0 28px;font-weight:680;overflow-wrap:anywhere}
h2{font-size:20px;letter-spacing:-.01em;margin:0 0 20px;padding-top:28px;border-top:1px solid var(--line);
font-weight:650;
overflow-wrap:anywhere}
section{margin:0 0 36px;scroll-margin-top:8px}
section:first-of-type h2{display:none}
h3{font-size:14px;margin:0 0 10px;font-weight:650}
figure{margin:0}
.block{margin:0 0 30px;min-width:0}
.note{color:var(--dim);font-size:13px;margin:8px 0 0;max-width:75ch}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(148px,1fr));gap:12px;margin:0 0 30px}
.figure{display:flex;flex-direction:column;padding:13px 15px;border:1px solid var(--line);border-radius:10px;
background:var(--soft);
min-width:0;overflow-wrap:anywhere}
.figure .name{color:var(--dim);font-size:12.5px}
.figure .value{font-size:23px;line-height:1.35;font-weight:640;letter-spacing:-.015em}
.figure .value.long{font-size:15px;line-height:1.6}
.figure .interval{color:var(--dim);font-size:12.5px}
.curves{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:8px 28px;margin:0 0 8px}
.tables{display:flex;flex-wrap:wrap;gap:0 40px;align-items:flex-start}.tables>.block{max-width:100%}
svg{display:block;width:100%;max-width:680px;height:auto;overflow:visible;font-family:inherit}
.grid{stroke:var(--line);fill:none;stroke-width:1}.axis{stroke:var(--dim);fill:none;stroke-width:1}
.tick{fill:var(--dim);font-size:12px}.name{fill:var(--dim);font-size:12.5px}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.line.ref{stroke:var(--dim);stroke-dasharray:5 5;stroke-width:1.4}
.touch{fill:transparent}.dot{fill-opacity:.5}.mark:hover,.dot:hover{stroke:var(--text);stroke-width:2;fill-opacity:1}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:6px 0 0;padding:0 0 0 14px;font-size:13px}
.legend li{display:flex;align-items:center;gap:7px;overflow-wrap:anywhere}
.legend i{flex:none;width:16px;height:3px;border-radius:2px}.legend i.dotted{width:8px;height:8px;border-radius:50%}
.legend i.ref{height:0;background:none;border-top:2px dashed var(--dim)}
.scroll{overflow-x:auto;width:fit-content;max-width:100%;border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;min-width:min(100%,460px);font-size:13.5px}
th,td{padding:7px 13px;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
td{max-width:46ch;overflow-wrap:break-word}
thead th{border-top:0;background:var(--soft);color:var(--dim);font-weight:600;font-size:12.5px;white-space:nowrap;
vertical-align:bottom}
tbody th{font-weight:560;max-width:34ch;overflow-wrap:break-word}
tbody tr:hover>*{background-color:var(--soft)}
.r{text-align:right;white-space:nowrap}.short{white-space:nowrap}.zero{color:var(--dim);opacity:.65}
.heat{min-width:0}
.heat tbody th{border:0;text-align:right}
.heat td{border:1px solid var(--bg);text-align:center;padding:7px 10px;min-width:44px}
.heat thead th.r{text-align:center}.heat th[scope=row],.heat thead th:first-child{position:sticky;left:0;
background:var(--bg)}
.heat tbody tr:hover td.on,.heat td.on{background-color:color-mix(in srgb,var(--on) calc(var(--h)*.85),var(--bg))}
.heat tbody tr:hover td.off,.heat td.off{background-color:color-mix(in srgb,var(--off) calc(var(--h)*.85),var(--bg))}
.heat td.strong{color:#fff}
.bars td.on,.bars td.off{--tone:var(--on);min-width:170px;background:linear-gradient(90deg,
color-mix(in srgb,var(--tone) 42%,var(--bg)) var(--h),transparent 0)}
.bars td.off{--tone:var(--off)}.bars td.strong{color:inherit}
.colored{margin:0;max-width:85ch;line-height:1.9;white-space:pre-wrap;overflow-wrap:anywhere}
mark{color:inherit;border-radius:3px;padding:2px 0;background:color-mix(in srgb,var(--tone) calc(var(--h)*.6),var(--bg))}
mark.on{--tone:var(--on)}mark.off{--tone:var(--off)}
.narrow td{padding:6px 5px;min-width:34px;font-size:12.5px}
.narrow thead th{padding:8px 5px}
.narrow thead th span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:130px;overflow:hidden;
text-overflow:ellipsis}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(120px,1fr));gap:14px}
.pictures img{display:block;width:100%;aspect-ratio:1;object-fit:contain;image-rendering:pixelated;
background:var(--soft);
border:1px solid var(--line);border-radius:8px;padding:8px}
figcaption{font-size:12.5px;color:var(--dim);margin-top:6px;line-height:1.4;overflow-wrap:anywhere}
.text{display:flex;gap:13px;padding:13px 16px;margin:0 0 12px;border:1px solid var(--line);
border-left:3px solid var(--tone);
border-radius:8px;background:var(--soft)}
.text h3{margin:0 0 2px}.text p{margin:0 0 4px;max-width:80ch;overflow-wrap:anywhere}
.text .mark{flex:none;width:22px;height:22px;border-radius:50%;display:grid;place-items:center;font-size:13px;
font-weight:700;
color:var(--bg);background:var(--tone)}
.good{--tone:var(--good)}.warning{--tone:var(--warning)}.advice{--tone:var(--advice)}.plain{--tone:var(--plain)}
.text+.block,.text+.figures,.text+.curves,.text+.tables{margin-top:28px}
footer{color:var(--dim);font-size:12.5px;border-top:1px solid var(--line);padding-top:16px}
@media(max-width:860px){.with-nav{display:block}main{padding:24px 18px 48px}
nav{position:static;height:auto;display:flex;flex-wrap:wrap;gap:2px;padding:10px 12px;border-right:0;
border-bottom:1px solid var(--line)}
nav .brand{display:none}h1{font-size:23px}}
@media print{nav{display:none}.with-nav{display:block}main{max-width:none;padding:0}
.block,.text,.figure{break-inside:avoid}
.scroll{overflow:visible}}
""" + _SERIES
)
