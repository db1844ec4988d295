/** Relays that follow each other as one: what the first one makes stays on chip for the second. Specification: docs/compiler.md, "Relays". */
import type { Machine } from '../../../machine/machine.ts';
import { Cheapest } from '../mac/cost.ts';
import { cutLike, type RelayFacts, type RelayGraph, stagesOfRelay } from './relay.ts';
import type { LinkCache } from './relay-link.ts';
import type { RelayPart } from './relay-parts.ts';
import { planParts, type RelayPlan } from './relay-plan.ts';

/** Rows of a tile that are tried. */
const TILE_ROWS = [1, 2, 4] as const;

/** The parts of both, one behind the other, with maps placed anew; where they do not fit as they are, in other tiles. Undefined where nothing fits. */
export function joinRelays(
  facts: RelayFacts,
  first: RelayPlan,
  second: RelayPlan,
  machine: Machine,
  cache: LinkCache,
): RelayPlan | undefined {
  const both = [first, second];
  const indices = both.flatMap(({ graph }) => stagesOfRelay(graph));
  const gathers = both.some(({ graph }) => graph.buffers.some(({ gatherer }) => gatherer !== undefined));
  const whole = (gathers ? facts.graphOf(indices, { gathers }) : undefined) ?? facts.graphOf(indices);
  if (!whole) return undefined;
  const graph = cutLike(
    whole,
    both.flatMap((one) => one.graph.members),
  );
  const shift = first.graph.members.length;
  const behind = (parts: readonly RelayPart[]): RelayPart[] =>
    parts.map((part) => ({ ...part, members: part.members.map((m) => m + shift) }));
  const asPlanned = planParts(graph, machine, [...first.parts, ...behind(second.parts)], cache);
  if (asPlanned) return asPlanned;
  const best = new Cheapest<RelayPlan>(machine);
  for (const front of formsOf(first, machine)) {
    for (const back of formsOf(second, machine)) {
      best.consider(planParts(graph, machine, [...front, ...behind(back)], cache));
    }
  }
  return best.plan;
}

/**
 * The parts of a relay in other forms: tiles of other sizes, every CU with rows of its own. Members in front that make columns of single pixels (means, gates) are whole then, as all
 * others wait for them, and so are those behind that read the smallest maps.
 */
function formsOf({ graph, parts }: RelayPlan, { computeUnits }: Machine): (readonly RelayPart[])[] {
  const [only] = parts;
  if (parts.length > 1 || !only!.tiling) return [parts];
  const { members } = only!;
  const [from, end] = wideMembers(graph, members);
  const wide = members.slice(from, end);
  if (wide.length === 0) return [parts];
  const { height } = graph.members[wide.at(-1)!]!;
  const around = (tiles: RelayPart): RelayPart[] =>
    [wholePart(members.slice(0, from)), tiles, wholePart(members.slice(end))].filter((part) => part.members.length > 0);
  const forms: (readonly RelayPart[])[] = [parts];
  for (const rows of TILE_ROWS) {
    const tiling = { rows, lag: 1 };
    if (rows <= height / 2) forms.push(around({ members: wide, tiling, split: 'tiles' }));
    if (rows <= height / computeUnits) forms.push(around({ members: wide, tiling, split: 'rows' }));
  }
  return forms;
}

function wholePart(members: readonly number[]): RelayPart {
  return { members, tiling: undefined, split: 'any' };
}

/** Which of them make and read large maps: [from, end). */
function wideMembers({ members, buffers }: RelayGraph, own: readonly number[]): [number, number] {
  const from = own.findIndex((m) => members[m]!.width > 1);
  if (from < 0) return [0, 0];
  const pixelsOf = (b: number): number => buffers[b]!.height * buffers[b]!.width;
  const least = Math.min(...own.slice(from).flatMap((m) => (members[m]!.width > 1 ? [members[m]!.height * members[m]!.width] : [])));
  const end = own.findLastIndex((m) => pixelsOf(members[m]!.input.buffer) > least) + 1;
  return [from, Math.max(from, end)];
}
