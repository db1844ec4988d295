/**
 * The script of the report: theme, tooltips, cross-hair over time, sorting, tiles of a layer on demand. Plain JavaScript of the browser, kept small;
 * without it the page shows everything but the tiles.
 */
export const REPORT_SCRIPT = String.raw`
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let chosen = null;
  const show = () => { root.dataset.theme = chosen ?? (dark.matches ? 'dark' : 'light'); };
  dark.addEventListener('change', show);
  $('theme').addEventListener('click', () => { chosen = root.dataset.theme === 'dark' ? 'light' : 'dark'; show(); });
  let before;
  addEventListener('beforeprint', () => { before = chosen; chosen = 'light'; show(); });
  addEventListener('afterprint', () => { chosen = before ?? null; show(); });
  show();

  const tip = $('tip');
  const hair = $('hair');
  const place = (event, text) => {
    tip.textContent = text;
    tip.style.visibility = 'visible';
    const { offsetWidth: w, offsetHeight: h } = tip;
    tip.style.left = Math.max(4, Math.min(innerWidth - w - 4, event.clientX + 14)) + 'px';
    tip.style.top = (event.clientY + 18 + h > innerHeight ? event.clientY - h - 10 : event.clientY + 18) + 'px';
  };
  const percent = (value) => (100 * value).toFixed(1) + ' %';
  const momentText = (cycle) => {
    const t = data.time;
    let bin = 0;
    for (let low = 0, high = t.edges.length - 2; low <= high; ) {
      const middle = (low + high) >> 1;
      if (t.edges[middle + 1] <= cycle) low = middle + 1; else { bin = middle; high = middle - 1; }
    }
    const work = t.work.find(([, from, to]) => from <= cycle && cycle < to);
    return ['cycle ' + Math.round(cycle).toLocaleString('en') + ', ' + ((1000 * cycle) / t.clockHz).toFixed(3) + ' ms']
      .concat(work ? [t.layers[work[0]]] : [], ['MACs ' + percent(t.macs[bin])])
      .concat(t.traffic.filter(([, v]) => v[bin] > 0).map(([name, v]) => name + ' ' + v[bin].toFixed(2) + ' GB/s'))
      .join('\n');
  };
  document.addEventListener('pointermove', (event) => {
    const chart = event.target.closest('svg.time');
    const owner = event.target.closest('[data-tip]');
    hair.style.visibility = 'hidden';
    let text = owner ? owner.dataset.tip : '';
    if (chart) {
      const box = chart.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width - data.time.left) / (1 - data.time.left);
      if (share >= 0 && share <= 1) {
        text = momentText(share * data.time.cycles) + (text ? '\n' + text : '');
        Object.assign(hair.style, { visibility: 'visible', left: event.clientX + 'px', top: box.top + 'px', height: box.height + 'px' });
      }
    }
    if (text) place(event, text); else tip.style.visibility = 'hidden';
  });
  document.addEventListener('pointerleave', () => { tip.style.visibility = hair.style.visibility = 'hidden'; });

  const body = $('layers');
  const closeTiles = (row) => {
    while (row.nextElementSibling?.classList.contains('tile')) row.nextElementSibling.remove();
    const open = row.querySelector('.open');
    if (open) { open.textContent = '▸'; open.setAttribute('aria-expanded', 'false'); }
  };
  body.addEventListener('click', (event) => {
    const open = event.target.closest('.open');
    if (!open) return;
    const row = open.closest('tr');
    if (open.getAttribute('aria-expanded') === 'true') return closeTiles(row);
    open.textContent = '▾';
    open.setAttribute('aria-expanded', 'true');
    let last = row;
    for (const cells of data.tiles[row.dataset.layer]) {
      const tile = document.createElement('tr');
      tile.className = 'tile';
      for (const cell of cells) tile.insertCell().textContent = cell;
      last.after(tile);
      last = tile;
    }
  });
  for (const head of document.querySelectorAll('thead th')) {
    head.firstElementChild.addEventListener('click', () => {
      const column = head.cellIndex;
      const up = head.getAttribute('aria-sort') === 'descending';
      for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      const rows = [...body.querySelectorAll('tr.layer')];
      rows.forEach(closeTiles);
      const key = (row) => { const v = row.cells[column].dataset.v; return v === undefined ? row.cells[column].textContent : Number(v); };
      rows.sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        const order = typeof x === 'number' ? x - y : x.localeCompare(y, 'en', { numeric: true });
        return up ? order : -order;
      });
      body.append(...rows);
    });
  }
})();
`;
