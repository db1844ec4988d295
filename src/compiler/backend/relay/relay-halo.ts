/**
 * Columns at the seams, where every CU makes columns of its own: which ones a CU reads besides, and who makes them. Specification: docs/compiler.md, "Relays".
 */
import { vecWorks } from '../stages/stage.ts';
import type { RelayGraph, RelayMember } from './relay.ts';
import type { Split } from './relay-link.ts';
import type { RelayPart } from './relay-parts.ts';
import { type Columns, inputColumns, ownColumns } from './relay-steps.ts';

/**
 * How columns of other CUs come to those that read them: whole descriptors' results go to all that read some of them ('results'), or the vector unit of the CU that
 * made them copies them there ('copies').
 */
export type Halo = 'results' | 'copies';

/** Columns that a CU sends to another one. */
export interface Sent extends Columns {
  readonly target: number;
}

/** Of every buffer, the columns that every CU holds; none where some member makes or reads it as a whole map. */
export type HeldColumns = readonly (readonly Columns[] | undefined)[];

/** Is a tile cut into columns? */
export function isHalo(split: Split): split is Halo {
  return split === 'results' || split === 'copies';
}

/**
 * Of every buffer: how columns of other CUs come to a CU; undefined where members that do not make columns make or read it as well, or those of another part: it is a whole
 * map then. Rows from DRAM come to all CUs that read them, at one address, as results do.
 */
export function halosOf({ members, buffers }: RelayGraph, parts: readonly Pick<RelayPart, 'members' | 'split'>[]): (Halo | undefined)[] {
  const partOf = members.map((_, m) => parts.find((part) => part.members.includes(m)));
  return buffers.map(({ loaded }, b) => {
    const touching = new Set(partOf.filter((_, m) => touches(members[m]!, b)));
    const [part] = touching;
    if (touching.size !== 1 || !part || !isHalo(part.split)) return undefined;
    return loaded.length > 0 ? 'results' : part.split;
  });
}

function touches({ input, other, destinations }: RelayMember, b: number): boolean {
  return input.buffer === b || other?.buffer === b || destinations.some(({ buffer }) => buffer === b);
}

/**
 * Columns of every buffer that a CU holds: its own and those that its windows reach; of what comes as results all columns of the CUs that make some of these, so that a
 * descriptor's results go to one set of CUs.
 */
export function holdColumns({ members, buffers }: RelayGraph, cus: number, halos: readonly (Halo | undefined)[]): HeldColumns {
  const held = buffers.map(({ width }) => Array.from({ length: cus }, () => ({ left: width, right: 0 })));
  const add = (own: { left: number; right: number }, { left, right }: Columns): void => {
    if (left >= right) return;
    own.left = Math.min(own.left, left);
    own.right = Math.max(own.right, right);
  };
  const isMade = new Set<number>();
  for (const member of members) {
    const { input, other, destinations, width } = member;
    for (const { buffer } of destinations) isMade.add(buffer);
    for (let cu = 0; cu < cus; cu++) {
      const own = ownColumns(width, cu, cus);
      if (own.left >= own.right) continue;
      for (const { buffer } of destinations) add(held[buffer]![cu]!, own);
      add(held[input.buffer]![cu]!, inputColumns(member, own));
      if (other) add(held[other.buffer]![cu]!, other.isPixel ? { left: 0, right: 1 } : own);
    }
  }
  return held.map((byCu, b) => {
    if (!halos[b]) return undefined;
    const { width } = buffers[b]!;
    const makers = isMade.has(b) && halos[b] === 'results' ? Array.from({ length: cus }, (_, maker) => ownColumns(width, maker, cus)) : [];
    return byCu.map((own): Columns => {
      const { left, right } = own;
      if (left >= right) return { left: 0, right: 0 };
      for (const maker of makers) if (maker.left < right && left < maker.right) add(own, maker);
      return own;
    });
  });
}

/**
 * Can members (`strips`) make columns? What they read is in columns, and what they make of whole maps passes on to the CUs that hold it as it is made: there is no place
 * where it could wait for vector work, or to be stored.
 */
export function mayPass({ members, buffers }: RelayGraph, columns: HeldColumns, strips: ReadonlySet<number>): boolean {
  return members.every(({ input, other, destinations, stage }, m) => {
    if (!strips.has(m)) return true;
    const isPassedOn = vecWorks(stage).every(({ op }) => op === 'max');
    const isPlaced = destinations.every(({ buffer }) => columns[buffer] || (isPassedOn && !buffers[buffer]!.isStored));
    return columns[input.buffer] !== undefined && (!other || columns[other.buffer] !== undefined) && isPlaced;
  });
}

/** Does every CU hold columns that no other one holds? */
export function isDisjoint(held: readonly Columns[]): boolean {
  return held.every((own, cu) =>
    held.every((other, i) => i <= cu || other.left >= own.right || own.left >= other.right || other.left >= other.right),
  );
}

/** Columns that a CU makes and others read; `held`: what every CU holds. */
export function sentColumns(held: readonly Columns[], width: number, cu: number): Sent[] {
  const own = ownColumns(width, cu, held.length);
  return held.flatMap(({ left, right }, target) => {
    const columns = { left: Math.max(left, own.left), right: Math.min(right, own.right), target };
    return target !== cu && columns.left < columns.right ? [columns] : [];
  });
}
