/**
 * Where tensors live in DRAM, and who waits for whom there. Specification: docs/compiler.md, "Memory plan".
 * Images are dense (row pitch = width · pixel pitch), so raster pixel i of a frame is at address + i · pixelPitch.
 */
import type { IntegerGraph, IntegerTensor, WordGrid } from '../../../graph/integer-graph.ts';
import { type Alias, type StageGraph, tensorsRead, tensorsWritten } from '../stages/stage.ts';
import type { Shape, View } from '../stages/view.ts';
import { type BoxSize, boxPitches } from '../stages/word-grid.ts';
import type { Dependence, Task } from '../tasks/task.ts';

/** Blocks of 128 bytes: the grain of AXI ports. */
const ALIGN_WORDS = 64;

export interface TensorHome {
  /** The tensor whose memory this is (itself, or the one that it lies in). */
  readonly root: number;
  readonly address: number;
  /** First channel inside the root. */
  readonly channelOffset: number;
  readonly pixelPitch: number;
  readonly rowPitch: number;
  /** An input or output of the graph, or of a batched stage, or read in a later pass over the frames, or words from several places: must be in DRAM. */
  readonly isBorder: boolean;
  readonly frames: number;
  readonly frameStep: number;
}

export interface DramLayout {
  readonly homes: ReadonlyMap<number, TensorHome>;
  /** Roots that exist once per frame (inputs and outputs of the graph, what crosses passes): they must be in DRAM. */
  readonly borders: ReadonlySet<number>;
  /** Roots of inputs and outputs of the graph. */
  readonly ends: ReadonlySet<number>;
  /** First free word behind the tensors. */
  readonly end: number;
}

/** The tensor whose words in DRAM a tensor's are part of: itself, where it has words of its own or none. */
export function rootOfTensor(layout: DramLayout, tensor: number): number {
  return layout.homes.get(tensor)?.root ?? tensor;
}

export function layOutTensors(graph: IntegerGraph, stages: StageGraph, frames: number): DramLayout {
  const perFrame = new Set<number>([...graph.inputs, ...graph.outputs].map((value) => value.tensor));
  const given = [...perFrame];
  const used = new Set<number>(perFrame);
  for (const stage of stages.stages) {
    const touched = [...tensorsRead(stage), ...tensorsWritten(stages, stage)];
    for (const id of touched) {
      used.add(id);
      if (stage.batched) perFrame.add(id);
    }
  }
  // A slice and the concatenation it is part of have the same number of frames.
  const rootOf = (id: number): number => {
    let root = id;
    for (let alias = stages.aliases.get(root); alias; alias = stages.aliases.get(root)) root = alias.parent;
    return root;
  };
  const roots = new Set([...used].map((id) => rootOf(id)));
  if (frames > 1) for (const root of crossPasses(stages, rootOf)) perFrame.add(root);
  const manyFrames = new Set([...perFrame].map((id) => rootOf(id)));
  const placed = findPlaced(stages, rootOf);
  const homes = new Map<number, TensorHome>();
  let next = 0;
  for (const tensor of stages.tensors) {
    if (!roots.has(tensor.id)) continue;
    const words = tensor.height * tensor.width * tensor.channels;
    const frameStep = Math.ceil(words / 16) * 16;
    const copies = manyFrames.has(tensor.id) ? frames : 1;
    const isBorder = manyFrames.has(tensor.id) || stages.constants.has(tensor.id) || placed.has(tensor.id);
    homes.set(tensor.id, {
      root: tensor.id,
      address: next,
      channelOffset: 0,
      pixelPitch: tensor.channels,
      rowPitch: tensor.width * tensor.channels,
      isBorder,
      frames: copies,
      frameStep,
    });
    next += Math.ceil((frameStep * copies) / ALIGN_WORDS) * ALIGN_WORDS;
  }
  const homeOf = (id: number): TensorHome => {
    const known = homes.get(id);
    if (known) return known;
    const alias = stages.aliases.get(id)!;
    const home = inside(homeOf(alias.parent), stages.tensors[alias.parent]!, alias, stages.tensors[id]!);
    homes.set(id, home);
    return home;
  };
  for (const id of used) homeOf(id);
  return { homes, borders: manyFrames, ends: new Set(given.map(rootOf)), end: next };
}

/** The home of a tensor that lies inside another. */
function inside(parent: TensorHome, tensor: IntegerTensor, alias: Alias, { height, width, channels }: IntegerTensor): TensorHome {
  const { channelOffset, grid } = alias;
  if (!grid) return { ...parent, address: parent.address + channelOffset, channelOffset: parent.channelOffset + channelOffset };
  return { ...parent, ...boxPitches(parent, tensor, grid, { rows: height, columns: width, words: channels }) };
}

/** Roots that are written or read pixel by pixel in other than their own order. */
function findPlaced(stages: StageGraph, rootOf: (tensor: number) => number): Set<number> {
  const placed = new Set<number>();
  for (const [id, { grid }] of stages.aliases) if (grid) placed.add(rootOf(id));
  for (const [id, scatters] of stages.scatters)
    for (const tensor of [id, ...scatters.map(({ target }) => target)]) placed.add(rootOf(tensor));
  for (const id of stages.fills.keys()) placed.add(rootOf(id));
  return placed;
}

/** The pass over the frames in which every stage runs, in its place: stages that run once for all frames are between two. */
export function passesOf({ stages }: StageGraph): number[] {
  let pass = 0;
  return stages.map((stage, i) => {
    if (i > 0 && stage.batched !== stages[i - 1]!.batched) pass++;
    return pass;
  });
}

/**
 * Roots that are made in one pass over the frames and read in a later one: all frames run through the stages in front of a batched stage, then it runs
 * once, then all frames run through what follows.
 */
function crossPasses(stages: StageGraph, rootOf: (tensor: number) => number): Set<number> {
  const passes = passesOf(stages);
  const pass = passes.at(-1) ?? 0;
  const made = new Map<number, number>();
  const read = new Map<number, number>();
  const noteRead = (root: number, at: number): void => {
    read.set(root, Math.max(read.get(root) ?? 0, at));
  };
  // From the last stage to the first, so that what is known of a stage's result is complete.
  for (let i = stages.stages.length - 1; i >= 0; i--) {
    const { mac } = stages.stages[i]!;
    const targets = tensorsWritten(stages, stages.stages[i]!).map(rootOf);
    for (const target of targets) made.set(target, Math.min(made.get(target) ?? pass, passes[i]!));
    // A stage without MACs may run as late as its result is read.
    const latest = mac ? passes[i]! : Math.max(passes[i]!, ...targets.map((target) => read.get(target) ?? pass));
    for (const id of tensorsRead(stages.stages[i]!)) noteRead(rootOf(id), latest);
  }
  return new Set([...made].filter(([root, at]) => (read.get(root) ?? at) > at).map(([root]) => root));
}

export interface ViewOptions {
  /** Frames as rows: how many (then `shape` says what a frame is). */
  readonly batch?: number;
  readonly shape?: Shape;
  readonly rowScale?: number;
  readonly columnScale?: number;
  readonly channelOffset?: number;
  readonly channels?: number;
  /** Columns [first, end) of the map only. */
  readonly columns?: { readonly first: number; readonly end: number };
}

/** The image that a stage reads or writes: one frame, or all frames as rows. */
export function viewTensor(stages: StageGraph, layout: DramLayout, id: number, frame: number, options: ViewOptions = {}): View {
  const view = viewPlain(stages, layout, id, frame, options);
  const scatters = stages.scatters.get(id)?.map(({ target, channel, words, grid }) => ({
    channel,
    view: viewScatter(stages, layout, { tensor: id, target, words, grid }, frame, options),
  }));
  return scatters ? { ...view, scatters, isVirtual: stages.virtual.has(id) } : view;
}

/** Where some channels of a tensor lie in another. */
function viewScatter(
  stages: StageGraph,
  layout: DramLayout,
  { tensor, target, words, grid }: { tensor: number; target: number; words: number; grid: WordGrid },
  frame: number,
  { batch, columns }: ViewOptions,
): View {
  const { height, width } = stages.tensors[tensor]!;
  const view = viewBox(stages, layout, target, frame, grid, { rows: height, columns: width, words });
  if (batch !== undefined) return { ...view, height: batch, width: 1, rowPitch: layout.homes.get(target)!.frameStep };
  if (!columns) return view;
  return { ...view, address: view.address + columns.first * view.pixelPitch, width: columns.end - columns.first };
}

/** A box of words of a tensor as an image. */
export function viewBox(stages: StageGraph, layout: DramLayout, id: number, frame: number, grid: WordGrid, size: BoxSize): View {
  const home = layout.homes.get(id)!;
  const address = home.address + (home.frames > 1 ? frame * home.frameStep : 0);
  const pitches = boxPitches({ ...home, address }, stages.tensors[id]!, grid, size);
  return { tensor: id, ...pitches, height: size.rows, width: size.columns, channels: size.words, rowScale: 1, columnScale: 1 };
}

function viewPlain(stages: StageGraph, layout: DramLayout, id: number, frame: number, options: ViewOptions): View {
  const tensor = stages.tensors[id]!;
  const home = layout.homes.get(id)!;
  const { channelOffset = 0, channels = tensor.channels, rowScale = 1, columnScale = 1 } = options;
  const address = home.address + (home.frames > 1 ? frame * home.frameStep : 0) + channelOffset;
  if (options.batch !== undefined) {
    const rows = { tensor: id, address, height: options.batch, rowPitch: home.frameStep, rowScale: 1, columnScale: 1 };
    const pixels = tensor.height * tensor.width;
    if (options.shape === 'row') return { ...rows, width: pixels, channels, pixelPitch: home.pixelPitch };
    return { ...rows, width: 1, channels: options.shape === 'pixel' ? pixels * channels : channels, pixelPitch: home.frameStep };
  }
  const { columns = { first: 0, end: tensor.width } } = options;
  return {
    tensor: id,
    address: address + columns.first * home.pixelPitch,
    height: Math.ceil(tensor.height / rowScale),
    width: Math.ceil((columns.end - columns.first) / columnScale),
    channels,
    rowPitch: rowScale * home.rowPitch,
    pixelPitch: columnScale * home.pixelPitch,
    rowScale,
    columnScale,
  };
}

interface TensorState {
  epoch: number;
  before: Dependence[];
  stores: { first: number; end: number; task: Task }[];
  loads: Task[];
}

/** Orders loads behind the stores they read, and stores behind what they overwrite. Extents are DRAM words. */
export class DramAccesses {
  private readonly states = new Map<number, TensorState>();

  /** Dependences of a store in write epoch `epoch` (one pass over the tensor) of tensor memory `key`. */
  beforeStore(key: number, epoch: number): Dependence[] {
    return this.state(key, epoch).before;
  }

  noteStore(key: number, epoch: number, first: number, end: number, task: Task): void {
    this.state(key, epoch).stores.push({ first, end, task });
  }

  /** Dependences of a load of words [first, end). */
  beforeLoad(key: number, first: number, end: number): Dependence[] {
    const state = this.states.get(key);
    if (!state) return [];
    return state.stores.filter((store) => store.first < end && first < store.end).map(({ task }) => ({ task, event: 'write' }));
  }

  noteLoad(key: number, task: Task): void {
    this.states.get(key)?.loads.push(task);
  }

  private state(key: number, epoch: number): TensorState {
    let state = this.states.get(key);
    if (!state || state.epoch !== epoch) {
      const before: Dependence[] = state
        ? [
            ...state.loads.slice(-1).map((task) => ({ task, event: 'read' }) as const),
            ...state.stores.slice(-1).map(({ task }) => ({ task, event: 'write' }) as const),
          ]
        : [];
      state = { epoch, before, stores: [], loads: [] };
      this.states.set(key, state);
    }
    return state;
  }
}
