/**
 * `npm run bench:rtl`: clock cycles of Verilated sf_top a second, on the convolutions of a network (default SqueezeNet 1.1), the harness
 * and its memory included, by processor time: of the model as lockstep builds it, and of the trained one. Documentation: hardware/README.md.
 */
import { parseArgs } from 'node:util';
import { XC7Z045 } from '../../src/machine/machine.ts';
import { buildModel } from '../../src/runtime/rtl-model.ts';
import { runRtl } from '../../src/runtime/rtl-run.ts';
import { createDramImage } from '../../src/simulator/data/dram-image.ts';
import { buildTrainedModel, compileConvolutions, TRAINING } from './trained-model.ts';

const { values } = parseArgs({
  options: { network: { type: 'string', default: 'squeezenet1.1' }, cycles: { type: 'string', default: '1000000' } },
});
const program = await compileConvolutions(values.network, XC7Z045);
for (const [what, model] of [
  ['as lockstep builds it', buildModel(XC7Z045)],
  [`trained on ${TRAINING.join(' and ')}`, await buildTrainedModel(XC7Z045)],
] as const) {
  const { ran, seconds } = runRtl(model, program, createDramImage(program).words, { limit: Number(values.cycles) });
  const speed = (ran / seconds / 1000).toFixed(0);
  process.stdout.write(`${values.network}, ${what}: ${ran} cycles in ${seconds.toFixed(2)} s of processor time: ${speed} kcycles/s\n`);
}
