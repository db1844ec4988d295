/** What runs of words take of the memory: whole lines, in bursts. Specification: docs/compiler.md, "Relays". */
import { LINE_BYTES, LINE_WORDS, type Machine } from '../../../machine/machine.ts';
import { SHORT_STORE_CYCLES } from '../stages/arrange-stores.ts';
import type { Stage, StageGraph } from '../stages/stage.ts';
import type { RelayBuffer } from './relay.ts';

/** Lines and bursts, the mean of a map's pixels. */
export interface RunTraffic {
  readonly lines: number;
  readonly bursts: number;
}

/** Lines that a pixel's channels [from, to) take in DRAM, and bursts of them; of words in an order of their own as if they lay together. */
export function runOf(
  { first, pitch, channels, dramPitch }: Pick<RelayBuffer, 'first' | 'pitch' | 'channels' | 'dramPitch'>,
  from: number,
  to: number,
  burstLines: number,
): RunTraffic {
  const burst = burstLines * LINE_WORDS;
  // Pixels that lie one behind the other on both sides are one run.
  if (to - from === dramPitch && pitch === channels) return { lines: dramPitch / LINE_WORDS, bursts: dramPitch / burst };
  const blocks = (words: number): number => blocksOfRun(first + from, first + to, dramPitch, words);
  return { lines: blocks(LINE_WORDS), bursts: blocks(burst) };
}

/** Aligned blocks of some words that a pixel's words [first, end) touch, pixels `pitch` words apart: the mean over those that lie in different places. */
function blocksOfRun(first: number, end: number, pitch: number, words: number): number {
  let blocks = 0;
  for (let pixel = 0; pixel < words; pixel++) {
    const at = pixel * pitch;
    blocks += Math.floor((at + end - 1) / words) - Math.floor((at + first) / words) + 1;
  }
  return blocks / words;
}

/** Cycles that runs of a pixel's words take to DRAM: lines, or bursts whose responses limit them. */
export function storeCycles({ lines, bursts }: RunTraffic, machine: Machine): number {
  return Math.max((lines * LINE_BYTES * machine.clockHz) / machine.dram.bytesPerSecond, bursts * SHORT_STORE_CYCLES);
}

/** Cycles by which a stage that deals its channels out takes longer to store them than if its results lay together. */
export function dealtCycles({ tensors, scatters, virtual }: StageGraph, { output }: Stage, machine: Machine): number {
  const { height, width, channels } = tensors[output]!;
  const list = scatters.get(output);
  if (!list || !virtual.has(output)) return 0;
  const cycles = list.reduce((sum, { target, words, grid }) => {
    const pitch = tensors[target]!.channels;
    const first = grid.offset % pitch;
    return sum + storeCycles(runOf({ first, pitch: words, channels: words, dramPitch: pitch }, 0, words, machine.axi.burstLines), machine);
  }, 0);
  const together = storeCycles(
    runOf({ first: 0, pitch: channels, channels, dramPitch: channels }, 0, channels, machine.axi.burstLines),
    machine,
  );
  return height * width * Math.max(0, cycles - together);
}
