/** Plain text tables: aligned columns for a terminal or a README, and short numbers with units. */

export interface Column {
  readonly title: string;
  /** Default right: most columns are numbers. */
  readonly align?: 'left' | 'right';
}

/**
 * Lines of a table, columns aligned, a rule under the titles.
 * @param rows one string per column; shorter rows are filled with blanks
 */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((c, i) => Math.max(displayWidth(c.title), ...rows.map((r) => displayWidth(r[i] ?? ''))));
  const line = (cells: readonly string[]): string =>
    columns
      .map((c, i) => {
        const cell = cells[i] ?? '';
        const blanks = ' '.repeat(widths[i] - displayWidth(cell));
        return c.align === 'left' ? cell + blanks : blanks + cell;
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map((c) => c.title)), widths.map((w) => '─'.repeat(w)).join('  '), ...rows.map(line)].join('\n');
}

/** Below this, zeros behind the point would hide the digits. */
const LEAST_PLAIN_NUMBER = 1e-6;

/** `digits` significant digits at least: 1234.5 → "1235", 0.01234 → "0.0123" for 3; with an exponent below a millionth. */
export function formatNumber(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : value < 0 ? '−∞' : '–';
  if (value === 0) return '0';
  if (Math.abs(value) < LEAST_PLAIN_NUMBER) return value.toExponential(digits - 1);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(decimals);
}

/** 0.974 → "97.4 %". */
export function formatPercent(fraction: number): string {
  return Number.isFinite(fraction) ? `${(100 * fraction).toFixed(1)} %` : '–';
}

/** Decimal units, as memory bandwidths are quoted: 1234567 → "1.23 MB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return power === 0 ? `${bytes} B` : `${formatNumber(bytes / 1000 ** power)} ${units[power]}`;
}

/** 61.26 → "61.3". */
export function formatDecibels(value: number): string {
  return Number.isFinite(value) ? value.toFixed(1) : formatNumber(value);
}

/** 1234567 → "1,234,567". */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Terminal columns of a string: one for every character but combining ones. */
function displayWidth(text: string): number {
  return [...text].filter((c) => !/\p{M}/u.test(c)).length;
}
