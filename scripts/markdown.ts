/** Tables of Markdown pages, and sections of pages that commands write. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Column } from '../src/report/table.ts';

/** One string per column in each row; numbers (columns not aligned left) stand right. */
export function renderMarkdown(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === 'left' ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}

/**
 * The page with other lines between its markers `<!-- name -->` and `<!-- end name -->`.
 * @throws Error when it lacks them
 */
export function replaceSection(page: string, name: string, lines: string): string {
  const [opening, closing] = [`<!-- ${name} -->`, `<!-- end ${name} -->`];
  const [start, end] = [page.indexOf(opening), page.indexOf(closing)];
  if (start < 0 || end < start) throw new Error(`the markers ${opening} and ${closing} are missing`);
  return `${page.slice(0, start + opening.length)}\n${lines}\n${page.slice(end)}`;
}

/** Writes a section of a page's file. @throws Error when it lacks the markers */
export function writeSection(file: string, name: string, lines: string): void {
  writeFileSync(file, replaceSection(readFileSync(file, 'utf8'), name, lines));
}
