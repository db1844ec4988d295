/**
 * Weights in the hardware's order: parameter lines and tap lines of every group, cut into chunks that the load engine can prefetch one by one.
 * Layout: microarchitecture.md, section 4; order in DRAM: block, chunk, image (vMAC), line.
 */
import { averageMultiplier } from '../../../graph/average-pool.ts';
import { parameterWord } from '../../../isa/parameter-lines.ts';
import { LINE_WORDS } from '../../../machine/machine.ts';
import type { MacWork } from '../stages/stage.ts';
import { imagesOf } from './blocks.ts';
import type { MacPlan } from './plan.ts';
import { parameterLines } from './window-cost.ts';

/** Lines of one chunk of a group: small enough that a ring of lines fills while the tail of the last group is still in use. */
export const CHUNK_LINES = 128;

/** vMACs of a CU, an image each. */
export const VMACS = 4;

/** A stretch of lines of one group, for all its images; `offset` in words from the start of the stage's image. */
export interface WeightsChunk {
  readonly offset: number;
  readonly firstLine: number;
  readonly lines: number;
}

export interface PackedBlock {
  readonly images: number;
  /** Are they the same for all CUs? */
  readonly isConstant: boolean;
  readonly chunks: readonly WeightsChunk[];
}

export interface PackedWeights {
  readonly words: Int16Array;
  readonly blocks: readonly PackedBlock[];
}

/** What decides the layout. */
export type PackingPlan = Pick<MacPlan, 'lanes' | 'adjacent' | 'groupLines' | 'blocks'> & {
  /** Images of every block, those without outputs empty; default: those with outputs. */
  readonly images?: number | undefined;
};

export function packWeights(work: MacWork, plan: PackingPlan): PackedWeights {
  const { lanes, groupLines, blocks } = plan;
  if (work.source.kind === 'matmul') return packParameters(plan, work.source.shift);
  const outputs = 16 / lanes;
  let total = 0;
  // Constant weights are those of the divisor, whatever the channels are: blocks and CUs share them.
  const isConstant = work.source.kind === 'averagepool';
  const constantImages = Math.min(VMACS, imagesOf(Math.max(...blocks.map(({ channels }) => channels)), lanes));
  const shared = new Map<number, PackedBlock>();
  const packed = blocks.map((block): PackedBlock => {
    const known = isConstant ? shared.get(block.divisor) : undefined;
    if (known) return known;
    const images = isConstant ? constantImages : (plan.images ?? imagesOf(block.channels, lanes));
    const chunks: WeightsChunk[] = [];
    for (let firstLine = 0; firstLine < groupLines; firstLine += CHUNK_LINES) {
      const lines = Math.min(CHUNK_LINES, groupLines - firstLine);
      chunks.push({ offset: total, firstLine, lines });
      total += lines * images * LINE_WORDS;
    }
    const own = { images, isConstant, chunks };
    shared.set(block.divisor, own);
    return own;
  });
  const words = new Int16Array(total);
  const traces = tracesOf(work, plan);
  const kernelWords = work.geometry.kernelH * work.geometry.kernelW * work.tapWords;
  const source = work.source;
  blocks.forEach((block, b) => {
    const { images, chunks } = packed[b]!;
    if (packed.indexOf(packed[b]!) < b) return;
    // Word address of a line of an image inside this block.
    const place = (image: number, line: number): number => {
      const chunk = chunks[Math.floor(line / CHUNK_LINES)]!;
      return chunk.offset + (image * chunk.lines + (line - chunk.firstLine)) * LINE_WORDS;
    };
    const constant = source.kind === 'averagepool' ? averageMultiplier(source.shift, block.divisor) : 0;
    for (let image = 0; image < images; image++) {
      for (let j = 0; j < outputs; j++) {
        const index = image * outputs + j;
        if (index >= block.channels && !isConstant) break;
        const channel = block.channel + index;
        const shift = source.kind === 'conv' ? source.shift[channel]! : source.shift;
        const bias = source.kind === 'conv' ? source.bias[channel]! : 0;
        const at = parameterWord(lanes, j);
        writeParameters(words, place(image, Math.floor(at / LINE_WORDS)) + (at % LINE_WORDS), bias, shift);
        for (const trace of traces) {
          for (let start = 0; start < trace.words; ) {
            // Copy runs of steps that stay in one chunk.
            const line = trace.line + start / lanes;
            const chunkEnd = (Math.floor(line / CHUNK_LINES) + 1) * CHUNK_LINES;
            const run = Math.min(trace.words - start, (chunkEnd - line) * lanes);
            const to = place(image, line) + j * lanes;
            if (source.kind === 'conv') {
              const from = channel * kernelWords + trace.source + start;
              if (lanes === LINE_WORDS) words.set(source.weights.subarray(from, from + run), to);
              else copySteps(source.weights, from, run, words, to, lanes);
            } else {
              for (let i = 0; i < run; i++) words[to + i * LINE_WORDS] = constant;
            }
            start += run;
          }
        }
      }
    }
  });
  return { words, blocks: packed };
}

function copySteps(source: Int16Array, from: number, run: number, target: Int16Array, to: number, lanes: number): void {
  let line = to;
  for (let i = 0; i < run; i += lanes) {
    const end = Math.min(lanes, run - i);
    for (let k = 0; k < end; k++) target[line + k] = source[from + i + k]!;
    line += LINE_WORDS;
  }
}

/** Source words of one output and the line where each trace begins. */
function tracesOf(work: MacWork, plan: PackingPlan): { source: number; words: number; line: number }[] {
  const { kernelH, kernelW } = work.geometry;
  const first = parameterLines(plan.lanes);
  if (plan.adjacent) {
    const words = kernelW * work.tapWords;
    const lines = Math.ceil(words / plan.lanes);
    return Array.from({ length: kernelH }, (_, ky) => ({ source: ky * words, words, line: first + ky * lines }));
  }
  const words = work.tapWords;
  const lines = Math.ceil(words / plan.lanes);
  return Array.from({ length: kernelH * kernelW }, (_, tap) => ({ source: tap * words, words, line: first + tap * lines }));
}

/** A line of parameters for every output of the largest block: all a product of activations has in constants. */
function packParameters({ lanes, blocks }: PackingPlan, shift: number): PackedWeights {
  const packed = blocks.map(
    ({ channels }): PackedBlock => ({
      images: imagesOf(channels, lanes),
      isConstant: false,
      chunks: [{ offset: 0, firstLine: 0, lines: 1 }],
    }),
  );
  const words = new Int16Array(Math.max(...packed.map(({ images }) => images)) * LINE_WORDS);
  for (let at = 0; at < words.length; at += LINE_WORDS) writeParameters(words, at, 0, shift);
  return { words, blocks: packed };
}

/** Bias (48 bit, rounding half added) and shift of one output. */
function writeParameters(words: Int16Array, at: number, bias: number, shift: number): void {
  const rounded = bias + (shift > 0 ? 2 ** (shift - 1) : 0);
  const modulo = rounded < 0 ? rounded + 2 ** 48 : rounded;
  words[at] = modulo % 65536;
  words[at + 1] = Math.floor(modulo / 65536) % 65536;
  words[at + 2] = Math.floor(modulo / 2 ** 32) % 65536;
  words[at + 3] = shift;
}
