/**
 * Where tensors live in DRAM, and who waits for whom there. Specification: docs/compiler.md, "Memory plan".
 * Images are dense (row pitch = width · pixel pitch), so raster pixel i of a frame is at address + i · pixelPitch.
 */
import type { IntegerGraph } from '../../graph/integer-graph.ts';
import type { StageGraph } from './stage.ts';
import type { Dependence, Task } from './task.ts';
import type { Shape, View } from './view.ts';

/** Blocks of 128 bytes: the grain of AXI ports. */
const ALIGN_WORDS = 64;

export interface TensorHome {
  /** The tensor whose memory this is (itself, or the concatenation it is a slice of). */
  readonly root: number;
  readonly address: number;
  /** First channel inside the root. */
  readonly channelOffset: number;
  readonly pixelPitch: number;
  /** An input or output of the graph, or of a batched stage, or read in a later pass over the frames: must be in DRAM. */
  readonly isBorder: boolean;
  readonly frames: number;
  readonly frameStep: number;
}

export interface DramLayout {
  readonly homes: ReadonlyMap<number, TensorHome>;
  /** First free word behind the tensors. */
  readonly end: number;
}

export function layOutTensors(graph: IntegerGraph, stages: StageGraph, frames: number): DramLayout {
  const perFrame = new Set<number>([...graph.inputs, ...graph.outputs].map((value) => value.tensor));
  const used = new Set<number>(perFrame);
  for (const stage of stages.stages) {
    const touched = [stage.input, stage.output, ...(stage.vec?.op === 'add' ? [stage.vec.other] : [])];
    for (const id of touched) {
      used.add(id);
      if (stage.batched) perFrame.add(id);
    }
  }
  // A slice and the concatenation it is part of have the same number of frames.
  const rootOf = (id: number): { root: number; channelOffset: number } => {
    let root = id;
    let channelOffset = 0;
    for (let alias = stages.aliases.get(root); alias; alias = stages.aliases.get(root)) {
      root = alias.parent;
      channelOffset += alias.channelOffset;
    }
    return { root, channelOffset };
  };
  const roots = new Set([...used].map((id) => rootOf(id).root));
  if (frames > 1) for (const root of crossPasses(stages, (id) => rootOf(id).root)) perFrame.add(root);
  const manyFrames = new Set([...perFrame].map((id) => rootOf(id).root));
  const homes = new Map<number, TensorHome>();
  let next = 0;
  for (const tensor of stages.tensors) {
    if (!roots.has(tensor.id)) continue;
    const words = tensor.height * tensor.width * tensor.channels;
    const frameStep = Math.ceil(words / 16) * 16;
    const copies = manyFrames.has(tensor.id) ? frames : 1;
    const isBorder = manyFrames.has(tensor.id);
    homes.set(tensor.id, {
      root: tensor.id,
      address: next,
      channelOffset: 0,
      pixelPitch: tensor.channels,
      isBorder,
      frames: copies,
      frameStep,
    });
    next += Math.ceil((frameStep * copies) / ALIGN_WORDS) * ALIGN_WORDS;
  }
  for (const id of used) {
    if (homes.has(id)) continue;
    const { root, channelOffset } = rootOf(id);
    const home = homes.get(root)!;
    homes.set(id, { ...home, address: home.address + channelOffset, channelOffset });
  }
  return { homes, end: next };
}

/**
 * Roots that are made in one pass over the frames and read in a later one: all frames run through the stages in front of a batched stage, then it runs
 * once, then all frames run through what follows.
 */
function crossPasses(stages: StageGraph, rootOf: (tensor: number) => number): Set<number> {
  let pass = 0;
  const passes = stages.stages.map((stage, i) => {
    if (i > 0 && stage.batched !== stages.stages[i - 1]!.batched) pass++;
    return pass;
  });
  const made = new Map<number, number>();
  const read = new Map<number, number>();
  const noteRead = (root: number, at: number): void => {
    read.set(root, Math.max(read.get(root) ?? 0, at));
  };
  // From the last stage to the first, so that what is known of a stage's result is complete.
  for (let i = stages.stages.length - 1; i >= 0; i--) {
    const { mac, vec, input, output } = stages.stages[i]!;
    const target = rootOf(output);
    made.set(target, Math.min(made.get(target) ?? pass, passes[i]!));
    // A stage without MACs may run as late as its result is read.
    const latest = mac ? passes[i]! : Math.max(passes[i]!, read.get(target) ?? pass);
    for (const id of [input, ...(vec?.op === 'add' ? [vec.other] : [])]) noteRead(rootOf(id), latest);
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
    rowPitch: rowScale * tensor.width * home.pixelPitch,
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
