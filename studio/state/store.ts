/** What the page shows: the network, the choice of machine, the view, the selection. Everything that a shared link restores is here. */
import { batch, computed, signal } from '@preact/signals';
import type { NumberMode, Scope } from '../../src/browser.ts';
import type { JobOptions, NetworkSource } from '../worker/protocol.ts';
import { type MachineChoice, resolveMachine } from './machine-choice.ts';
import { Run } from './run.ts';

export const VIEWS = ['summary', 'graph', 'timeline', 'why', 'program', 'machine', 'compare', 'run'] as const;
export type ViewName = (typeof VIEWS)[number];

/** How networks are compiled and measured, as for `bench`. */
export interface Settings {
  readonly scope: Scope;
  readonly batch: number;
  readonly numbers: NumberMode;
  readonly seed: number;
}

export const DEFAULT_MACHINE: MachineChoice = { preset: 'xc7z045', changes: {} };
export const DEFAULT_SETTINGS: Settings = { scope: 'convolutions', batch: 1, numbers: 'calibrated', seed: 7 };

export const source = signal<NetworkSource | undefined>(undefined);
export const machineChoice = signal<MachineChoice>(DEFAULT_MACHINE);
export const settings = signal<Settings>(DEFAULT_SETTINGS);
export const run = signal<Run | undefined>(undefined);
/** The second side of Compare. */
export const otherRun = signal<Run | undefined>(undefined);
export const otherChoice = signal<MachineChoice | undefined>(undefined);
/** How the second side is compiled, where it differs from the first. */
export const otherSettings = signal<Settings | undefined>(undefined);
export const view = signal<ViewName>('summary');
/** A remark at the foot of the page: an error that no view owns. */
export const notice = signal<string | undefined>(undefined);
/** A file that a link names and that has to be dropped again. */
export const wantedFile = signal<string | undefined>(undefined);

export interface Selection {
  /** Layer of the program, −1 for none. */
  readonly layer: number;
  /** Descriptor of the commit log, −1 for none. */
  readonly descriptor: number;
  /** Instruction, −1 for none. */
  readonly instruction: number;
  /** Node of the ONNX graph. */
  readonly node?: string;
}

export const NOTHING: Selection = { layer: -1, descriptor: -1, instruction: -1 };
export const selection = signal<Selection>(NOTHING);
/** Cycles that the timeline shows; undefined for all. */
export const range = signal<readonly [number, number] | undefined>(undefined);

export const program = computed(() => run.value?.program.value);
export const timing = computed(() => run.value?.timing.value);
/** Views follow these, not the job's every step. */
export const statusKind = computed(() => run.value?.status.value.kind);
export const failure = computed(() => {
  const status = run.value?.status.value;
  return status?.kind === 'failed' ? status.message : undefined;
});
export const network = computed(() => run.value?.network.value);

function jobOptions(choice: MachineChoice = machineChoice.value): JobOptions {
  return { ...settings.value, machine: resolveMachine(choice) };
}

/** Compiles and simulates; what ran before ends. Keeps the selection when only the machine changes. */
export function start(next: NetworkSource, keepSelection = false): void {
  let options: JobOptions;
  try {
    options = jobOptions();
  } catch (error) {
    notice.value = (error as Error).message;
    return;
  }
  run.value?.cancel();
  batch(() => {
    notice.value = undefined;
    wantedFile.value = undefined;
    source.value = next;
    if (!keepSelection) {
      otherRun.value?.cancel();
      otherRun.value = undefined;
      selection.value = NOTHING;
      range.value = undefined;
    }
    run.value = new Run(next, options);
  });
}

/** Runs the same network on the second side of Compare. */
export function startOther(): void {
  if (!source.value) return;
  otherRun.value?.cancel();
  try {
    const machine = resolveMachine(otherChoice.value ?? machineChoice.value);
    otherRun.value = new Run(source.value, { ...(otherSettings.value ?? settings.value), machine, timingOnly: true });
  } catch (error) {
    notice.value = (error as Error).message;
  }
}

/** The same network again, after a change of machine or settings. */
export function restart(): void {
  if (source.value) start(source.value, true);
}

export function cancel(): void {
  run.value?.cancel();
}

export function selectLayer(layer: number): void {
  selection.value = { ...NOTHING, layer };
}

/** Selects a descriptor of the commit log, with its layer and instruction. */
export function selectDescriptor(descriptor: number): void {
  const log = timing.value?.log;
  if (!log || descriptor < 0 || descriptor >= log.count) return;
  selection.value = { layer: log.layer[descriptor], descriptor, instruction: log.instruction[descriptor] };
}

/** Selects an instruction: with the descriptor that it sends or helps to describe. */
export function selectInstruction(instruction: number): void {
  const log = timing.value?.log;
  let descriptor = -1;
  if (log) {
    let [low, high] = [0, log.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (log.instruction[middle] < instruction) low = middle + 1;
      else high = middle;
    }
    if (low < log.count) descriptor = low;
  }
  const span = program.value?.sourceMap.find((s) => s.first <= instruction && instruction < s.end);
  selection.value = { layer: span?.layer ?? -1, descriptor, instruction };
}
