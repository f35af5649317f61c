/**
 * Script of the page: draws each figure over its still image and keeps its ink to the reader's colour scheme.
 * It runs in the browser, so it is text here.
 */
export const DRAW = `
(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const ink = () => (dark.matches ? '#e6edf3' : '#1f2328');
  const drawn = [];
  for (const script of document.querySelectorAll('script[type="application/vnd.plotly.v1+json"]')) {
    const { data, layout } = JSON.parse(script.textContent);
    const place = script.previousElementSibling;
    const target = document.createElement('div');
    place.hidden = true;
    place.after(target);
    const styled = { ...layout, font: { ...layout.font, color: ink() } };
    Plotly.newPlot(target, data, styled, { responsive: true, displaylogo: false }).then(
      () => drawn.push(target),
      () => { target.remove(); place.hidden = false; },
    );
  }
  dark.addEventListener('change', () => drawn.forEach((target) => Plotly.relayout(target, { 'font.color': ink() })));
})();
`;
