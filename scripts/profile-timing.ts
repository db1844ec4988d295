/**
 * Speed of the timing engine on a synthetic program of AlexNet's size (2.4 M cycles, 50 k bursts, 100 k windows, 3,000 descriptors).
 * Usage: npx tsx scripts/profile-timing.ts [repetitions]
 */

import { traceCore } from '../src/isa/core.ts';
import { UNIT_ID } from '../src/isa/fields.ts';
import { XC7Z045 } from '../src/machine/machine.ts';
import { bits } from '../src/simulator/descriptors.test-util.ts';
import { simulateTiming } from '../src/simulator/timing/engine.ts';
import { makeProgram, type Step } from '../src/simulator/timing/programs.test-util.ts';

const ROUNDS = 400;
const WINDOWS = 62;
const CUS = XC7Z045.computeUnits;

/** Every round: weights for all CUs, a tile of maps, a MAC tile on each CU (92 steps a window, 3 granules), now and then a pool and a store. */
function buildSteps(): Step[] {
  const steps: Step[] = [];
  const macs = Array.from({ length: CUS }, (_, cu) => UNIT_ID.mac(cu));
  for (let round = 0; round < ROUNDS; round++) {
    const layer = Math.floor((round * 5) / ROUNDS);
    const free = round < 2 ? 0 : bits(...macs);
    steps.push({ unit: UNIT_ID.LDW, layer, fields: { waitRead: free, lines: 26, images: 16, signalWrite: bits(...macs) } });
    steps.push({
      unit: UNIT_ID.LDM,
      layer,
      fields: { waitRead: free, rows: 4, words: 320, dramStep: 1024, dramAddress: 3, cus: 15, signalWrite: bits(...macs) },
    });
    const pools = round % 16 === 0;
    const stores = round % 2 === 0;
    for (let cu = 0; cu < CUS; cu++) {
      const consumers = [...(pools ? [UNIT_ID.vec(cu)] : []), ...(stores && cu === round % CUS ? [UNIT_ID.ST] : [])];
      steps.push({
        unit: UNIT_ID.mac(cu),
        layer,
        fields: {
          waitWrite: bits(UNIT_ID.LDW, UNIT_ID.LDM),
          signalRead: bits(UNIT_ID.LDW, UNIT_ID.LDM),
          signalWrite: bits(...consumers),
          words: 41,
          tapStep: 41,
          kernelH: 3,
          kernelW: 3,
          ix0: -1,
          lanes: 4,
          outWords: 16,
          outWidth: 31,
          count: WINDOWS,
          outCus: round % 3 === 0 ? 15 : 1 << cu,
        },
      });
      if (pools) {
        steps.push({
          unit: UNIT_ID.vec(cu),
          layer,
          fields: { waitWrite: bits(UNIT_ID.mac(cu)), words: 64, kernelH: 3, kernelW: 3, outWidth: 15, count: 15, outCus: 1 << cu },
        });
      }
    }
    if (stores) {
      steps.push({
        unit: UNIT_ID.ST,
        layer,
        fields: { waitWrite: bits(UNIT_ID.mac(round % CUS)), rows: 8, words: 256, dramStep: 2048, cu: round % CUS },
      });
    }
  }
  return steps;
}

const repetitions = Number(process.argv[2] ?? 5);
const program = makeProgram(buildSteps(), XC7Z045);
for (let i = 0; i < repetitions; i++) {
  const traceFrom = performance.now();
  const trace = traceCore(program.instructions);
  const from = performance.now();
  let bursts = 0;
  const result = simulateTiming(program, trace, { onBurst: () => bursts++ });
  const ms = performance.now() - from;
  const macs = result.layers.reduce((sum, layer) => sum + layer.usefulMacs, 0);
  console.log(
    `${trace.dispatches.length} descriptors, ${program.instructions.length} instructions, ${bursts} bursts, ${result.cycles} cycles, ` +
      `occupancy ${((100 * macs) / result.cycles / 256).toFixed(1)} %: trace ${(from - traceFrom).toFixed(0)} ms, timing ${ms.toFixed(0)} ms`,
  );
}
