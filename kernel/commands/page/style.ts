/** Style of the page; the colours follow the reader's preference. */
export const STYLE = `
:root{color-scheme:light dark;--page:#fff;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--code:#f6f8fa;
--keyword:#a0111f;--string:#0a3069;--number:#0550ae;--comment:#59636e;--error:#b3261e;--error-page:#fff1f0;--shade:#0003;--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--page:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--code:#151b23;
--keyword:#ff938a;--string:#a5d6ff;--number:#79c0ff;--comment:#9198a1;--error:#ffa198;--error-page:#2d1416;--shade:#fff2;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
main{max-width:72rem;margin:0 auto;padding:2rem 1.25rem 4rem}
.cell.markdown{max-width:58rem}
h1,h2,h3{line-height:1.25;margin:1.6em 0 .5em}h1{font-size:1.9rem;margin-top:.4em}h2{font-size:1.4rem}h3{font-size:1.15rem}
a{color:var(--link)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86rem}
.markdown code{background:var(--code);padding:.1em .3em;border-radius:4px}
.markdown table{border-collapse:collapse}.markdown th,.markdown td{border:1px solid var(--line);padding:.3em .8em}
blockquote{margin:0;padding-left:1em;border-left:3px solid var(--line);color:var(--soft)}
pre{margin:0;overflow-x:auto;line-height:1.45}
.cell{margin:1.1rem 0}
.input{background:var(--code);border:1px solid var(--line);border-radius:6px;padding:.8rem 1rem}
.k{color:var(--keyword)}.s{color:var(--string)}.n{color:var(--number)}.c{color:var(--comment);font-style:italic}
.output{padding:.6rem 0;overflow-x:auto;contain:layout}
/* A shade on the side on which there is more to see. */
.output{background:linear-gradient(var(--page),var(--page)) left -1px top -1px/.9rem calc(100% + 2px) local no-repeat,
linear-gradient(var(--page),var(--page)) right -1px top -1px/.9rem calc(100% + 2px) local no-repeat,
linear-gradient(to right,var(--shade),transparent) left/.8rem 100% scroll no-repeat,
linear-gradient(to left,var(--shade),transparent) right/.8rem 100% scroll no-repeat}
/* Tables are read in full where a page is not too narrow; otherwise rows keep their names in sight. */
.ringside-table,.ringside-listing{font-size:.85rem}
.ringside-table th:first-child:not([colspan]),.ringside-table td:first-child:not([colspan]){position:sticky;left:0;background:var(--page)}
.ringside-table caption,.ringside-listing caption{position:sticky;left:0;max-width:min(100vw - 2.5rem,69.5rem)}
.ringside-listing pre{font-size:inherit}
.ringside-table td{vertical-align:baseline!important}
.ringside-screen{font-size:min(.86rem,calc((100vw - 4.5rem)/49))}
.stream{white-space:pre-wrap;overflow-wrap:anywhere}
@media(max-width:50rem){.ringside-table,.ringside-listing{font-size:.75rem}.ringside-table :is(th,td){padding:.25em .5em!important}}
.output img{max-width:100%;height:auto}
.output .error{color:var(--error);background:var(--error-page);padding:.7rem .9rem;border-radius:6px;white-space:pre-wrap}
.output .stderr{color:var(--soft)}
.unknown,footer{color:var(--soft);font-size:.85rem}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.8rem}
@media print{.output{break-inside:avoid;overflow:visible;background:none}.input{break-inside:avoid;white-space:pre-wrap}
.ringside-table,.ringside-listing{font-size:.6rem}.ringside-table :is(th,td){padding:.2em .4em!important}}
`;
