/** What is shown can be taken along: to the clipboard or as a file. */
import { notice } from '../state/store.ts';

export async function copyText(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notice.value = `${what} copied`;
  } catch {
    notice.value = `the browser does not let the page write to the clipboard; ${what} saved as a file instead`;
    saveFile(`${what.replace(/\W+/g, '-')}.txt`, text);
  }
}

export function saveFile(name: string, content: string | Uint8Array, type = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([content as BlobPart], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Comma-separated values; texts with commas or quotes are quoted. */
export function toCsv(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string => (/[",\n]/.test(`${value}`) ? `"${`${value}`.replaceAll('"', '""')}"` : `${value}`);
  return [titles, ...rows].map((row) => row.map(cell).join(',')).join('\n');
}
