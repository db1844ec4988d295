/**
 * Flows: consecutive stages that work pixel by pixel run as one step in which every CU has pixels of its own. What passes between their stages stays in the
 * CU that made it; nothing passes between CUs but what is read as weights, through DRAM. Which stages can be members, and where their tensors lie in units
 * of rows. Specification: docs/compiler.md, "Flows".
 */
import { type DramLayout, rootOfTensor } from '../layout/dram-layout.ts';
import { isPairWork, isPoint, type Stage, type StageGraph, tensorsRead, tensorsWritten } from '../stages/stage.ts';

/**
 * A tensor as units one behind the other in its root: unit u begins at word (first + u) · pitch + word of the root. A unit is a pixel, or a row of pixels
 * `columnPitch` words apart where windows go along the row.
 */
export interface Place {
  readonly tensor: number;
  readonly root: number;
  readonly first: number;
  readonly units: number;
  readonly pitch: number;
  readonly word: number;
  /** Words of a unit from the first to the last. */
  readonly words: number;
  readonly columns: number;
  readonly columnPitch: number;
  /** Index of the last stage that writes words of the root; −1: none does. */
  readonly lastMaker: number;
}

export interface FlowMember {
  /** Stage index. */
  readonly index: number;
  readonly stage: Stage;
  readonly input: Place;
  readonly output: Place;
  readonly other: Place | undefined;
  /** Root of what is read as weights. */
  readonly weights: number | undefined;
  /** Are the results stored? Then into these roots. */
  readonly isStored: boolean;
  readonly targets: readonly number[];
}

/** Fewer pixels than these don't keep the CUs busy. */
const MIN_UNITS = 16;
const LINE_WORDS = 16;

/** Runs of consecutive stages, none of them `taken`, that may be members of one flow, longest first from the left. */
export function findFlows(graph: StageGraph, layout: DramLayout, taken: ReadonlySet<number> = new Set()): FlowMember[][] {
  const runs: FlowMember[][] = [];
  let run: FlowMember[] = [];
  let pitches = new Map<number, number>();
  const close = (): void => {
    if (run.length > 1) runs.push(run);
    run = [];
    pitches = new Map();
  };
  const makers = lastMakers(graph, layout);
  graph.stages.forEach((_, index) => {
    const member = taken.has(index) ? undefined : memberOf(graph, layout, makers, index);
    if (member && agrees(member, pitches)) {
      run.push(member);
      return;
    }
    close();
    if (member && agrees(member, pitches)) run.push(member);
    else close();
  });
  close();
  return runs.map((members) => markStored(graph, layout, members));
}

/** The last stage that writes words of a root. */
function lastMakers(graph: StageGraph, layout: DramLayout): ReadonlyMap<number, number> {
  const makers = new Map<number, number>();
  graph.stages.forEach((stage, index) => {
    for (const tensor of tensorsWritten(graph, stage)) makers.set(rootOfTensor(layout, tensor), index);
  });
  return makers;
}

/** Members with `isStored` set where anything but members' maps reads the results. */
export function markStored(graph: StageGraph, layout: DramLayout, members: readonly FlowMember[]): FlowMember[] {
  const inside = new Set(members.map(({ index }) => index));
  const needed = new Set<number>(layout.borders);
  graph.stages.forEach((stage, index) => {
    if (stage.weights !== undefined) needed.add(rootOfTensor(layout, stage.weights));
    if (!inside.has(index)) for (const tensor of tensorsRead(stage)) needed.add(rootOfTensor(layout, tensor));
  });
  return members.map((member) => ({
    ...member,
    isStored: needed.has(member.output.root) || graph.scatters.has(member.stage.output),
  }));
}

/** Roots that the members make and nobody else needs. */
export function rootsInside(members: readonly FlowMember[]): Set<number> {
  const stored = new Set(members.filter(({ isStored }) => isStored).map(({ output }) => output.root));
  return new Set(members.map(({ output }) => output.root).filter((root) => !stored.has(root)));
}

/** Do all tensors of a root have units of one size? Notes those of the member. */
function agrees({ input, output, other }: FlowMember, pitches: Map<number, number>): boolean {
  const places = [input, output, ...(other ? [other] : [])];
  for (const { root, pitch } of places) if ((pitches.get(root) ?? pitch) !== pitch) return false;
  for (const { root, pitch } of places) pitches.set(root, pitch);
  return places.every(({ root, pitch }) => pitches.get(root) === pitch);
}

/** A stage as a member of a flow; undefined where it is none. */
function memberOf(graph: StageGraph, layout: DramLayout, makers: ReadonlyMap<number, number>, index: number): FlowMember | undefined {
  const stage = graph.stages[index]!;
  const { mac, vec, table, columns, batched } = stage;
  if (columns || batched || (!mac && !vec) || vec?.op === 'copy') return undefined;
  if (mac) {
    const g = mac.geometry;
    const isSame = g.inHeight * g.inWidth === g.outHeight * g.outWidth;
    if (!isPoint(g) || !isSame || mac.groups !== 1 || mac.source.kind === 'averagepool' || vec?.op === 'max') return undefined;
  }
  if (!mac && table && vec?.op !== 'add') return undefined;
  if (isPairWork(vec) && vec.isPixel) return undefined;
  const isRows = vec?.op === 'max';
  if (isRows) {
    const g = vec.geometry;
    const alongRow =
      g.kernelH === 1 && g.strideH === 1 && g.padTop === 0 && g.padLeft === 0 && g.outWidth === 1 && g.inHeight === g.outHeight;
    if (!alongRow || g.kernelW > g.inWidth) return undefined;
  }
  const place = (tensor: number): Place | undefined => placeOf(graph, layout, makers, tensor, isRows);
  const input = place(stage.input);
  const output = place(stage.output);
  const other = isPairWork(vec) ? place(vec.other) : undefined;
  if (!input || !output || (isPairWork(vec) && !other)) return undefined;
  if (output.units < MIN_UNITS || input.units !== output.units || (other && other.units !== output.units)) return undefined;
  if (mac?.depthwise && (input.pitch % LINE_WORDS !== 0 || input.word % LINE_WORDS !== 0)) return undefined;
  // A window of two rows, one operand each: both have one pitch.
  if (vec?.op === 'maximum' && other!.pitch !== (mac ? output : input).pitch) return undefined;
  // Results that also lie elsewhere are read there by others only.
  const scattered = (graph.scatters.get(stage.output) ?? []).map(({ target }) => rootOfTensor(layout, target));
  if (scattered.some((root) => root === input.root || root === output.root)) return undefined;
  const weights = stage.weights === undefined ? undefined : rootOfTensor(layout, stage.weights);
  return { index, stage, input, output, other, weights, isStored: false, targets: [output.root, ...scattered] };
}

function placeOf(
  graph: StageGraph,
  layout: DramLayout,
  makers: ReadonlyMap<number, number>,
  tensor: number,
  isRows: boolean,
): Place | undefined {
  const { height, width, channels } = graph.tensors[tensor]!;
  const home = layout.homes.get(tensor);
  if (!home) return undefined;
  const { address, root, rowPitch, pixelPitch } = home;
  const offset = address - layout.homes.get(root)!.address;
  const columns = isRows ? width : 1;
  if (!isRows && height > 1 && width > 1 && rowPitch !== width * pixelPitch) return undefined;
  const pitch = isRows || width === 1 ? rowPitch : pixelPitch;
  const word = offset % pitch;
  const words = (columns - 1) * pixelPitch + channels;
  if (word + words > pitch) return undefined;
  const units = isRows ? height : height * width;
  const lastMaker = makers.get(root) ?? -1;
  return { lastMaker, tensor, root, first: Math.floor(offset / pitch), units, pitch, word, words, columns, columnPitch: pixelPitch };
}
