/** Style of the page; the colours follow the reader's preference. */
export const STYLE = `
:root{color-scheme:light dark;--page:#fff;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--code:#f6f8fa;
--keyword:#a0111f;--string:#0a3069;--number:#0550ae;--comment:#59636e;--error:#b3261e;--error-page:#fff1f0;--link:#0550ae}
@media(prefers-color-scheme:dark){:root{--page:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--code:#151b23;
--keyword:#ff938a;--string:#a5d6ff;--number:#79c0ff;--comment:#9198a1;--error:#ffa198;--error-page:#2d1416;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
main{max-width:58rem;margin:0 auto;padding:2rem 1.25rem 4rem}
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
.output{padding:.6rem 1rem;overflow-x:auto;contain:layout}
.output img{max-width:100%;height:auto}
.output .error{color:var(--error);background:var(--error-page);padding:.7rem .9rem;border-radius:6px;white-space:pre-wrap}
.output .stderr{color:var(--soft)}
.unknown,footer{color:var(--soft);font-size:.85rem}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:.8rem}
@media print{.input,.output{break-inside:avoid}}
`;
