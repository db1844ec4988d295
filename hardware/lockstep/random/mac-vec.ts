/**
 * Random work of the MAC and VEC units: every number of lanes, depthwise, every operation, results to the own CU or over the result bus.
 * Specification: docs/isa.md, section 5; docs/microarchitecture.md, sections 4 and 5.
 */
import { SPACE } from '../../../src/compiler/backend/tasks/task.ts';
import { TABLE_WORDS } from '../../../src/isa/descriptor-rules.ts';
import { type Descriptor, hasSource2, hasTable, UNIT_ID, VEC_OPS } from '../../../src/isa/fields.ts';
import { groupLines, paramLines } from '../../../src/isa/weights-group.ts';
import { LINE_WORDS, mapsWords, weightsLines } from '../../../src/machine/machine.ts';
import { outputFootprint, source2Footprint, sourceFootprint } from '../../../src/simulator/data/footprint.ts';
import type { MacShape } from '../../../src/simulator/walker.ts';
import { cusOf, type Fields, hull, type ProgramBuilder } from './program-builder.ts';
import { drawWalk } from './walk.ts';
import { addWeights } from './weights-load.ts';

function mapsBuffer(b: ProgramBuilder): { name: string; words: number } {
  return { name: 'maps', words: mapsWords(b.machine) };
}

/** A MAC descriptor and the load of its weights; nothing where the draw does not fit the buffers. */
export function addMac(b: ProgramBuilder): void {
  const cu = b.draw(0, b.cus - 1);
  const depthwise = b.chance(20) ? 1 : 0;
  const lanes = depthwise ? 1 : b.pick(1, 2, 4, 8, 16);
  const words = depthwise ? b.draw(1, 64) : b.draw(1, b.pick(4, 20, 80));
  const outWords = depthwise ? words : b.draw(1, 64 / lanes);
  const walk = drawWalk(b, words, {
    outWords,
    pointwise: b.chance(20),
    adjacent: depthwise === 0 && b.chance(60),
    grid: depthwise ? LINE_WORDS : 1,
  });
  if (walk === undefined) return;
  const shape: MacShape = { ...walk, lanes, depthwise, outWords };
  const lines = groupLines(shape);
  const room = weightsLines(b.machine);
  if (lines > room || lines > 200) return;
  const weightsLine = b.draw(0, room - 1);

  const weights = addWeights(b, cu, lines, weightsLine, () => drawGroup(b, lanes, lines));
  const outCus = b.chance(50) ? 1 << cu : b.cuMask();
  b.add(UNIT_ID.mac(cu), { ...walk, outCus, weightsLine, lanes, depthwise, outWords }, [
    weights(cu, false),
    ...hull(SPACE.maps(cu), sourceFootprint(walk, mapsBuffer(b)), false),
    ...cusOf(outCus).flatMap((target) => hull(SPACE.maps(target), outputFootprint(walk, outWords, mapsBuffer(b)), true)),
  ]);
}

/** One vMAC's group: biases that keep the sum in 48 bits, any shift, any weights. */
function drawGroup(b: ProgramBuilder, lanes: number, lines: number): Int16Array {
  const group = b.randomWords(lines * LINE_WORDS);
  const parameters = paramLines(lanes) * LINE_WORDS;
  for (let i = 0; i < parameters; i += 4) {
    const bits = b.draw(1, 44);
    const bias = Math.floor((b.random.uniform() * 2 - 1) * 2 ** bits);
    group[i] = bias;
    group[i + 1] = Math.floor(bias / 2 ** 16);
    group[i + 2] = Math.floor(bias / 2 ** 32);
    // Bits above the shift mean nothing.
    group[i + 3] = (b.draw(0, 1023) << 6) | (b.chance(70) ? b.draw(8, 26) : b.draw(0, 46));
  }
  return group;
}

/** A VEC descriptor; nothing where the draw does not fit the buffers. */
export function addVec(b: ProgramBuilder): void {
  const cu = b.draw(0, b.cus - 1);
  const op = b.draw(0, 4);
  const words = b.draw(1, b.pick(16, 40, 100));
  const walk = drawWalk(b, words, { pointwise: op !== VEC_OPS.max || b.chance(20), inside: op !== VEC_OPS.max });
  if (walk === undefined) return;
  const outCus = b.chance(50) ? 1 << cu : b.cuMask();
  const fields: Fields = { ...walk, outCus, op };
  if (op !== VEC_OPS.max) fields.shiftOut = b.draw(0, 40);
  else if (b.chance(30)) [fields.shiftA, fields.shiftOut] = [b.draw(0, 23), b.draw(0, 30)];
  if (hasSource2(op)) {
    const pitch = words + b.draw(0, 9);
    const rowPitch = walk.outWidth * pitch + b.draw(0, 5);
    const rows = Math.ceil((walk.x0 + walk.count) / walk.outWidth);
    if (rows * rowPitch > b.half) return;
    const ringRows = b.draw(1, rows);
    const useRing = b.chance(40);
    const src = walk.srcBase < b.halfBase(1) ? 0 : 1;
    Object.assign(fields, {
      src2Base: b.halfBase(src) + b.draw(0, b.half - rows * rowPitch),
      src2Ring: useRing ? ringRows * rowPitch : 0,
      src2Offset: useRing ? b.draw(0, ringRows - 1) * rowPitch : 0,
      src2RowStep: useRing ? rowPitch % (ringRows * rowPitch) : rowPitch,
      src2ColStep: pitch,
      shiftA: b.draw(0, 23),
      shiftB: 0,
    });
    // Only one operand of an addition is shifted; of a product the second may be complemented.
    if (op === VEC_OPS.mul || b.chance(50)) [fields.shiftA, fields.shiftB] = [fields.shiftB, fields.shiftA];
    if (op === VEC_OPS.mul && b.chance(50)) fields.shiftB = 0;
    if (op === VEC_OPS.addTable) fields.shiftSum = b.chance(50) ? b.draw(0, 9) : b.draw(0, 47);
  }
  const d = fields as unknown as Descriptor<'VEC'>;
  b.add(UNIT_ID.vec(cu), fields, [
    ...hull(SPACE.maps(cu), sourceFootprint(walk, mapsBuffer(b)), false),
    ...(hasSource2(op) ? hull(SPACE.maps(cu), source2Footprint(d, mapsBuffer(b)), false) : []),
    ...(hasTable(op) ? [{ space: SPACE.table(cu), start: 0, end: TABLE_WORDS, writes: false }] : []),
    ...cusOf(outCus).flatMap((target) => hull(SPACE.maps(target), outputFootprint(walk, words, mapsBuffer(b)), true)),
  ]);
}
