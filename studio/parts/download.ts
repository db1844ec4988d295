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

/** A canvas as PNG. */
export function saveCanvas(name: string, canvas: HTMLCanvasElement | null): void {
  canvas?.toBlob(async (blob) => {
    if (blob) saveFile(name, new Uint8Array(await blob.arrayBuffer()), 'image/png');
  });
}

/** A drawing of the page as a file that stands alone: with the page's styles and the colours of its theme. */
export function saveSvg(name: string, svg: SVGSVGElement | null): void {
  if (!svg) return;
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', `${width}`);
  copy.setAttribute('height', `${height}`);
  copy.dataset.theme = document.documentElement.dataset.theme;
  const style = document.createElementNS('http://www.w3.org/2000/svg', 'style');
  style.textContent = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText)).join('\n');
  copy.prepend(style);
  saveFile(name, new XMLSerializer().serializeToString(copy), 'image/svg+xml');
}

/** Comma-separated values; texts with commas or quotes are quoted. */
export function toCsv(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string => (/[",\n]/.test(`${value}`) ? `"${`${value}`.replaceAll('"', '""')}"` : `${value}`);
  return [titles, ...rows].map((row) => row.map(cell).join(',')).join('\n');
}
