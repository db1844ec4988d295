/**
 * What the page and its engine worker say to each other. Everything is plain data; big arrays are transferred. One worker keeps one opened network:
 * to cancel a job or open another one the page ends the worker.
 */
import type {
  Accuracy,
  Activity,
  ImageOptions,
  LayerInfo,
  Machine,
  NetworkProfile,
  NumberMode,
  Placement,
  PublishedFigures,
  Residency,
  Scope,
  SourceSpan,
  TensorPlacement,
} from '../../src/browser.ts';

/** A network of the zoo, or a file that was dropped. */
export type { Scope };

export type NetworkSource =
  | { readonly kind: 'zoo'; readonly name: string }
  | { readonly kind: 'file'; readonly name: string; readonly file: File };

/** What to open and how: the same choices as `bench` has. */
export interface JobOptions {
  readonly machine: Machine;
  readonly scope: Scope;
  readonly batch: number;
  readonly numbers: NumberMode;
  /** Of the random input. */
  readonly seed: number;
  /** Cycles and bytes only, no bits: for comparisons. */
  readonly timingOnly?: boolean;
}

/** Stages of a job, in order. */
export const STAGES = ['read', 'compile', 'time', 'simulate', 'check'] as const;
export type Stage = (typeof STAGES)[number];

/** A node of the ONNX graph, where it runs, and what it feeds. */
export interface NodeView extends Omit<Placement, 'where'> {
  readonly where: Placement['where'] | 'refused';
  /** What to do about a refusal. */
  readonly remedy?: string;
  /** Index of its layer in the program, −1 for none. */
  readonly layerIndex: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface NetworkView {
  readonly name: string;
  readonly nodes: readonly NodeView[];
  readonly inputs: readonly { readonly name: string; readonly dims: readonly (number | string | null)[]; readonly dtype: string }[];
  readonly outputs: readonly string[];
  readonly paper?: PublishedFigures;
}

export interface ProgramView {
  readonly name: string;
  readonly machine: Machine;
  readonly frames: number;
  readonly instructions: Uint32Array;
  /** Parts of a network that the host divides follow each other, in instructions and layers. */
  readonly parts: readonly { readonly firstInstruction: number; readonly firstLayer: number; readonly instructions: number }[];
  readonly dramWords: number;
  readonly layers: readonly LayerInfo[];
  readonly sourceMap: readonly SourceSpan[];
  readonly tensors: readonly TensorPlacement[];
  readonly segments: readonly { readonly name: string; readonly address: number; readonly words: number }[];
}

/** The commit log as columns: one entry a descriptor, in the order of dispatch. Cycles count from the start of the program. */
export interface LogView {
  readonly count: number;
  readonly unitId: Uint8Array;
  readonly instruction: Int32Array;
  readonly layer: Int32Array;
  /** Cycle in which the core executed the GO. */
  readonly go: Float64Array;
  readonly arrival: Float64Array;
  readonly start: Float64Array;
  readonly readSignal: Float64Array;
  readonly end: Float64Array;
  /** Waits by cause (LOST_CAUSES): count × causes. */
  readonly waits: Float32Array;
}

/** Bandwidth, queues and fill over time of one part, which starts at cycle `from`. */
export interface ActivityView {
  readonly from: number;
  readonly cycles: number;
  readonly activity: Activity;
}

/** What lives where in the buffers of one part; cycles count from the part's start. */
export interface ResidencyView {
  readonly from: number;
  readonly firstLayer: number;
  readonly maps: Residency;
  readonly weights: Residency;
}

/** The profile without the recordings, which are beside it. */
export type ProfileView = Omit<NetworkProfile, 'parts'>;

export interface TimingView {
  readonly cycles: number;
  readonly log: LogView;
  readonly profile: ProfileView;
  readonly activities: readonly ActivityView[];
  readonly residencies: readonly ResidencyView[];
  readonly seconds: number;
}

export type ExportKind = 'html' | 'trace' | 'csv' | 'json';

export interface BitsView {
  readonly bitExact: boolean;
  /** A sentence, when the bits differ. */
  readonly difference?: string;
  readonly sqnrDb: number | null;
}

export type Request =
  | { readonly type: 'open'; readonly source: NetworkSource; readonly options: JobOptions }
  | { readonly type: 'call'; readonly id: number; readonly method: CallName; readonly argument: unknown };

export type Reply =
  | { readonly type: 'progress'; readonly stage: Stage; readonly fraction: number; readonly what: string }
  | { readonly type: 'network'; readonly network: NetworkView }
  | { readonly type: 'program'; readonly program: ProgramView; readonly seconds: number }
  | { readonly type: 'timing'; readonly timing: TimingView }
  | { readonly type: 'simulated'; readonly seconds: number }
  | { readonly type: 'bits'; readonly bits: BitsView }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string; readonly kind: string; readonly node?: string }
  | { readonly type: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string };

/** Input of a run: by input name, a picture or an array; what is missing is random. */
export interface RunInput {
  readonly name: string;
  readonly file: File;
}

export interface RunArgument {
  readonly inputs: readonly RunInput[];
  readonly image: ImageOptions;
  readonly seed: number;
  /** Compare every layer with float32. */
  readonly compare: boolean;
}

export interface TensorView {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

export interface LayerAccuracy extends Accuracy {
  readonly layer: string;
  readonly tensor: string;
  readonly saturated: number;
  readonly words: number;
}

export interface RunView {
  readonly outputs: readonly TensorView[];
  readonly inputs: readonly TensorView[];
  readonly saturatedInputs: number;
  readonly seconds: number;
  readonly layers: readonly LayerAccuracy[];
}

/** One unit at a moment. */
export interface UnitView {
  readonly unitId: number;
  readonly name: string;
  /** Descriptor that runs, −1 for none. */
  readonly running: number;
  /** Descriptors at its queue, in order. */
  readonly queue: readonly number[];
}

export interface TokenView {
  readonly kind: 'read' | 'write';
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

/** The machine at a cycle. */
export interface MachineView {
  readonly cycle: number;
  readonly pc: number;
  /** Instructions executed so far. */
  readonly steps: number;
  readonly registers: Int32Array;
  /** Field registers by unit kind. */
  readonly fields: Readonly<Record<string, readonly number[]>>;
  readonly units: readonly UnitView[];
  readonly tokens: readonly TokenView[];
  /** Descriptors executed by the data engine: those that have started. */
  readonly executed: number;
  readonly finished: boolean;
  /** First cycles after this one at which anything happens, and at which the core executes a GO. */
  readonly next: { readonly event: number; readonly go: number };
}

export interface PeekArgument {
  readonly space: 'maps' | 'weights' | 'dram';
  readonly cu: number;
  readonly vmac: number;
  readonly address: number;
  readonly words: number;
}

/** Questions to an opened network, and their answers. */
export interface Calls {
  readonly export: { readonly argument: { readonly kind: ExportKind }; readonly value: string };
  readonly run: { readonly argument: RunArgument; readonly value: RunView };
  readonly seek: { readonly argument: { readonly cycle: number }; readonly value: MachineView };
  readonly peek: { readonly argument: PeekArgument; readonly value: Int16Array };
  /** First cycle after `after` at which a unit signals a token to another one, by name; −1 for none. */
  readonly findToken: { readonly argument: { readonly from: string; readonly to: string; readonly after: number }; readonly value: number };
  readonly descriptor: { readonly argument: { readonly index: number }; readonly value: Readonly<Record<string, number>> };
}
export type CallName = keyof Calls;
