import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatDecibels, formatNumber, formatPercent, renderTable } from './table.ts';

describe('table', () => {
  it('aligns text left and numbers right', () => {
    const text = renderTable(
      [{ title: 'layer', align: 'left' }, { title: 'M MACs' }],
      [
        ['conv1', '70.3'],
        ['a', '5'],
      ],
    );
    expect(text.split('\n')).toEqual(['layer  M MACs', '─────  ──────', 'conv1    70.3', 'a           5']);
  });

  it('fills short rows', () => {
    expect(renderTable([{ title: 'a', align: 'left' }, { title: 'b' }], [['x']]).split('\n')[2]).toBe('x');
  });

  it('writes numbers for people', () => {
    expect([1234.5, 0.01234, 99.95, 0, 7].map((x) => formatNumber(x))).toEqual(['1235', '0.0123', '100.0', '0', '7.00']);
    expect(formatNumber(Number.POSITIVE_INFINITY)).toBe('∞');
    expect(formatNumber(Number.NaN)).toBe('–');
    expect([1.234e-9, 0.00000567].map((x) => formatNumber(x))).toEqual(['1.23e-9', '0.00000567']);
    expect([61.26, 1e-14, Number.POSITIVE_INFINITY].map(formatDecibels)).toEqual(['61.3', '0.0', '∞']);
    expect(formatPercent(0.9744)).toBe('97.4 %');
    expect([0, 999, 1000, 1234567, 4.2e9].map(formatBytes)).toEqual(['0 B', '999 B', '1.00 kB', '1.23 MB', '4.20 GB']);
    expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
  });
});
