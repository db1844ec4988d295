/**
 * A stage that copies boxes of words from one tensor to another: loaded into a maps buffer, stored from there, item by item round the CUs. Words that go to
 * several places are loaded once. Specification: docs/compiler.md, "Rearrangements".
 */
import type { WordGrid } from '../../../graph/integer-graph.ts';
import { viewBox } from '../layout/dram-layout.ts';
import type { CopyBox } from '../stages/stage.ts';
import type { View } from '../stages/view.ts';
import { cutItems } from '../vec/copy-plan.ts';
import type { EmitContext, Source } from './emit-context.ts';
import type { VecStageInput } from './emit-vec-stage.ts';

/** Emits the stage item by item: the generator stops after each, so that the items can be spread over another stage's. */
export function* emitCopyStage(context: EmitContext, job: VecStageInput, boxes: readonly CopyBox[]): Generator<void> {
  const { stages, layout } = context;
  const { stage, frame, plan, bases } = job;
  let at = 0;
  for (const item of cutItems(boxes, plan.inWords)) {
    const cu = at % context.cus;
    const base = bases[Math.floor(at / context.cus) % plan.turns]!;
    const source: Source = { layer: job.layer, tile: `${frame > 0 ? `frame ${frame} ` : ''}item ${at}` };
    const run = { first: 0, end: item.rows * item.columns, channel: 0, words: item.words, cu, base, pitch: item.words };
    const view = (tensor: number, grid: WordGrid): View => viewBox(stages, layout, tensor, Math.max(0, frame), grid, item);
    const piece = context.loadPixels(view(stage.input, item.from), frame, run, source);
    for (const grid of item.to) context.storePixels(view(stage.output, grid), frame, run, source, [piece]);
    at++;
    yield;
  }
}
