/**
 * The last areas that a MAC unit read, by the fields that determine them: consecutive output groups read the same tile, and neither the footprint nor
 * the check need be repeated (see shadow.ts).
 */
import type { MacDescriptor } from '../../isa/fields.ts';
import type { IntervalList } from './intervals.ts';
import type { ReadArea, Shadow } from './shadow.ts';

const FIELDS = [
  'srcBase',
  'srcRing',
  'srcOffset',
  'srcColumn',
  'rowStep',
  'kRowStep',
  'colStep',
  'tapStep',
  'words',
  'kernelH',
  'kernelW',
  'strideH',
  'strideW',
  'dilationH',
  'dilationW',
  'iy0',
  'ix0',
  'inHeight',
  'inWidth',
  'outWidth',
  'x0',
  'count',
] as const satisfies readonly (keyof MacDescriptor)[];

const REMEMBERED = 4;

export class SourceAreas {
  private readonly entries: { readonly descriptor: MacDescriptor; readonly area: ReadArea }[] = [];

  /** The area of a descriptor: a remembered one, or a new one over `compute()`. */
  find(d: MacDescriptor, shadow: Shadow, compute: () => IntervalList): ReadArea {
    const known = this.entries.find(({ descriptor }) => FIELDS.every((field) => descriptor[field] === d[field]));
    if (known !== undefined) return known.area;
    const area = shadow.makeArea(compute());
    if (this.entries.length === REMEMBERED) this.entries.shift();
    this.entries.push({ descriptor: d, area });
    return area;
  }
}
