/** Style of the report: light and dark, paper, phone. Colours of causes and kinds after Okabe and Ito, which colour-blind readers can tell apart. */
export const REPORT_STYLE = `
:root{--bg:#fff;--panel:#f6f7f8;--ink:#1b1f24;--dim:#59616b;--line:#dde1e6;--accent:#0b62a8;--useful:#a9b8c6;--track:#eef0f3;
--maps:#0072b2;--weights:#56b4e9;--store:#cc79a7;--dependency:#e69f00;--dispatch:#b5a200;--partialLanes:#8a8f98;--imbalance:#009e73;--drain:#6b4c9a;
--mapsIn:#e69f00;--mapsOut:#009e73;--instructions:#cc79a7;
--l0:#0072b2;--l1:#e69f00;--l2:#009e73;--l3:#cc79a7;--l4:#56b4e9;--l5:#d55e00;--l6:#b5a200;--l7:#6b4c9a;color-scheme:light}
:root[data-theme=dark]{--bg:#14171b;--panel:#1c2026;--ink:#e4e7eb;--dim:#9aa4b0;--line:#323941;--accent:#6db8f2;--useful:#4b5b6b;--track:#20252b;
--maps:#3d9ddb;--weights:#86caf0;--dispatch:#d6c63a;--partialLanes:#a3a9b3;--imbalance:#2fbf95;--drain:#a58bd3;--mapsOut:#2fbf95;--l0:#3d9ddb;--l2:#2fbf95;--l6:#d6c63a;--l7:#a58bd3;color-scheme:dark}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1280px;margin:0 auto;padding:16px 18px 60px}
header{display:flex;gap:8px 20px;align-items:baseline;flex-wrap:wrap;border-bottom:1px solid var(--line);padding-bottom:10px}
h1{font-size:22px;margin:0;overflow-wrap:anywhere}h2{font-size:15px;margin:30px 0 2px}
header p{margin:0;color:var(--dim);flex:1;min-width:220px}
p.note{color:var(--dim);margin:0 0 8px;max-width:120ch}
button{font:inherit;color:inherit;background:none;border:1px solid var(--line);border-radius:5px;padding:2px 9px;cursor:pointer}
button:hover{border-color:var(--dim)}a{color:var(--accent);text-decoration:none}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:1px;background:var(--line);border:1px solid var(--line);border-radius:7px;overflow:hidden;margin:14px 0 10px}
.facts div{background:var(--bg);padding:8px 11px}.facts b{display:block;font-size:19px;font-weight:600}.facts span{color:var(--dim);font-size:12px}
.advice{border-left:3px solid var(--accent);padding:6px 12px;margin:10px 0;background:var(--panel)}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin:2px 0 6px;color:var(--dim);font-size:12px}
.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px;vertical-align:-1px}
.chart{overflow-x:auto}.chart svg{display:block;width:100%;min-width:760px;height:auto}
svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--dim)}
svg .name{fill:var(--ink);font-size:10.5px;pointer-events:none}svg .name.on{fill:#10151a;font-weight:600}
.grid{stroke:var(--line);fill:none}.roof{stroke:var(--dim);stroke-width:1.4;fill:none;stroke-dasharray:5 3}
.band0{fill:var(--panel);stroke:var(--line);stroke-width:.5}.band1{fill:var(--track);stroke:var(--line);stroke-width:.5}
.useful{fill:var(--useful)}.track{fill:var(--track)}.queue{fill:var(--useful)}.through{pointer-events:none}.life{opacity:.85}
.dot{fill-opacity:.55;stroke-width:1.2}.dot.compute{fill:var(--maps);stroke:var(--maps)}.dot.memory{fill:var(--dependency);stroke:var(--dependency)}
${['maps', 'weights', 'store', 'dependency', 'dispatch', 'partialLanes', 'imbalance', 'drain'].map((c) => `.c-${c}{fill:var(--${c});background:var(--${c})}`).join('')}
${['weights', 'mapsIn', 'mapsOut', 'instructions'].map((k) => `.k-${k}{fill:var(--${k});background:var(--${k})}`).join('')}
${[0, 1, 2, 3, 4, 5, 6, 7].map((l) => `.l${l}{fill:var(--l${l})}`).join('')}
[data-tip]:hover{filter:brightness(1.12)}
.table{overflow-x:auto;border:1px solid var(--line);border-radius:7px}
table{border-collapse:collapse;width:100%;font-size:12px;white-space:nowrap}
th,td{padding:3px 7px;text-align:right}th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--bg);max-width:190px;overflow:hidden;text-overflow:ellipsis}
th:nth-child(2),td:nth-child(2){text-align:left;color:var(--dim);max-width:180px;overflow:hidden;text-overflow:ellipsis}
thead th{position:sticky;top:0;background:var(--panel);border-bottom:1px solid var(--line);font-weight:600;padding:0}
thead th:first-child{background:var(--panel);z-index:1}
th button{border:0;border-radius:0;width:100%;padding:5px 7px;text-align:inherit;font-weight:600}th[aria-sort] button{color:var(--accent)}
th[aria-sort=ascending] button::after{content:" ↑"}th[aria-sort=descending] button::after{content:" ↓"}
tbody tr:nth-child(odd of .layer) td{background:color-mix(in srgb,var(--panel) 60%,var(--bg))}
tr.layer:hover td{background:var(--track)!important}tr.layer:target td{box-shadow:inset 0 0 0 99px color-mix(in srgb,var(--accent) 16%,transparent)}
tr.tile td{color:var(--dim);background:var(--bg);font-size:11.5px}tr.tile td:first-child{padding-left:28px}
td .open{border:0;padding:0 5px 0 0;color:var(--dim)}.bar{display:inline-block;width:100px;height:10px;vertical-align:-1px;background:var(--track)}
tfoot td{border-top:1px solid var(--line);font-weight:600}
#tip{position:fixed;z-index:9;pointer-events:none;background:var(--ink);color:var(--bg);padding:6px 9px;border-radius:5px;font-size:12px;max-width:min(420px,90vw);white-space:pre-line;visibility:hidden}
#hair{position:fixed;width:1px;background:var(--accent);pointer-events:none;visibility:hidden;z-index:8}
details{margin:8px 0}summary{cursor:pointer;color:var(--dim)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:6px 0}dt{font-weight:600}dd{margin:0;color:var(--dim)}
@media(max-width:640px){main{padding:12px 12px 40px}h1{font-size:19px}.facts{grid-template-columns:repeat(2,1fr)}th,td{padding:3px 6px}th:first-child,td:first-child{max-width:130px}dl{grid-template-columns:1fr}}
@media print{:root{color-scheme:light}button,#tip,#hair{display:none}th button{display:inline}main{max-width:none;padding:0}
.chart,.table{overflow:visible}.chart svg{min-width:0;break-inside:avoid}h2{break-after:avoid}table{font-size:8.5px}th,td{padding:1px 4px;position:static!important}th button{padding:1px 4px;font-size:8.5px}tr{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
@page{size:A4 landscape;margin:12mm}
`;
