/**
 * Random loads of weights: images for the vMACs of one CU or of all, in one descriptor or two.
 * Specification: docs/isa.md, section 5; docs/microarchitecture.md, section 6.
 */
import { SPACE } from '../../../src/compiler/backend/tasks/task.ts';
import { UNIT_ID } from '../../../src/isa/fields.ts';
import { LINE_WORDS, weightsLines } from '../../../src/machine/machine.ts';
import { type Access, cusOf, type ProgramBuilder } from './program-builder.ts';

/** Loads images of `lines` lines to the vMACs of one CU or of all; returns the access to them. */
export function addWeights(
  b: ProgramBuilder,
  cu: number,
  lines: number,
  weightsLine: number,
  draw: () => Int16Array,
): (target: number, writes: boolean) => Access {
  const room = weightsLines(b.machine);
  // The group of every CU, or of this one: images of four vMACs each.
  const everywhere = lines < 8 && b.chance(50);
  const shared = everywhere && b.chance(50);
  const slots = everywhere ? (shared ? 1 : b.cus) : 1;
  const images = 4 * slots;
  const imageWords = lines * LINE_WORDS;
  const data = new Int16Array(images * imageWords);
  for (let image = 0; image < images; image++) data.set(draw(), image * imageWords);
  const address = b.constants('weights', data);
  const targets = everywhere ? cusOf(2 ** b.cus - 1) : [cu];
  const wraps = weightsLine + lines > room;
  const weights = (target: number, writes: boolean): Access => ({
    space: SPACE.weights(target),
    start: wraps ? 0 : weightsLine,
    end: wraps ? room : weightsLine + lines,
    writes,
  });
  // In one descriptor or two, cut between images.
  const cut = b.chance(50) ? images : b.draw(1, images - 1);
  for (const [first, end] of [
    [0, cut],
    [cut, images],
  ]) {
    if (first === end) continue;
    const fields = {
      dramAddress: address + first * imageWords,
      line: weightsLine,
      lines,
      images: end - first,
      firstImage: (everywhere ? 0 : 4 * cu) + first,
      cusPerSlot: shared ? b.cus : 1,
    };
    b.add(UNIT_ID.LDW, fields, [
      { space: SPACE.dram, start: address, end: address + data.length, writes: false },
      ...targets.map((target) => weights(target, true)),
    ]);
  }
  return weights;
}

/** Weights that nobody reads, in images of any length. */
export function addIdleWeights(b: ProgramBuilder): void {
  const lines = b.draw(1, b.pick(3, 6, 40));
  addWeights(b, b.draw(0, b.cus - 1), lines, b.draw(0, weightsLines(b.machine) - 1), () => b.randomWords(lines * LINE_WORDS));
}
