/** Small parts of SVG and HTML text: escaping, coordinates, scales, areas. */

/** Text for element content and quoted attributes. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A coordinate with at most one decimal: a tenth of a pixel is finer than what is seen. */
export function at(value: number): string {
  return `${Math.round(value * 10) / 10}`;
}

/** A filled rectangle as a path, shorter than an element of its own. */
export function boxPath(x: number, y: number, width: number, height: number): string {
  return `M${at(x)} ${at(y)}h${at(width)}v${at(height)}h${at(-width)}z`;
}

/** Path of the area between two series of heights (pixels from the top), a step for each bin. */
export function stepArea(xs: readonly number[], top: readonly number[], bottom: readonly number[]): string {
  if (top.length === 0) return '';
  let path = `M${at(xs[0])} ${at(bottom[0])}`;
  for (let i = 0; i < top.length; i++)
    path += i > 0 && at(top[i]) === at(top[i - 1]) ? `H${at(xs[i + 1])}` : `V${at(top[i])}H${at(xs[i + 1])}`;
  for (let i = top.length - 1; i >= 0; i--) {
    path += i < top.length - 1 && at(bottom[i]) === at(bottom[i + 1]) ? `H${at(xs[i])}` : `V${at(bottom[i])}H${at(xs[i])}`;
  }
  return `${path}z`;
}

/** Round steps that divide [0, end] into about `count` parts. */
export function niceTicks(end: number, count: number): number[] {
  if (!(end > 0)) return [0];
  const raw = end / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw)!;
  const ticks: number[] = [];
  for (let i = 0; i * step <= end * 1.0001; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten from the one at or below `low` to the one at or above `high`. */
export function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}
