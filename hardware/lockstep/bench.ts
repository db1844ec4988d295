/**
 * `npm run bench:rtl`: clock cycles of Verilated sf_top a second, on the convolutions of a network (default SqueezeNet 1.1), the harness
 * and its memory included, by processor time. Documentation: hardware/README.md.
 */
import { parseArgs } from 'node:util';
import { XC7Z045 } from '../../src/machine/machine.ts';
import { compileModel } from '../../src/runtime/compile-model.ts';
import { buildModel } from '../../src/runtime/rtl-model.ts';
import { runRtl } from '../../src/runtime/rtl-run.ts';
import { createDramImage } from '../../src/simulator/data/dram-image.ts';
import { openNetwork } from './network.ts';

const { values } = parseArgs({
  options: { network: { type: 'string', default: 'squeezenet1.1' }, cycles: { type: 'string', default: '1000000' } },
});
const model = buildModel(XC7Z045);
const { programs } = await compileModel(openNetwork(values.network, 'convolutions'), { scope: 'convolutions', numbers: 'q8.8' });
const image = createDramImage(programs[0]).words;
const { ran, seconds } = runRtl(model, programs[0], image, { limit: Number(values.cycles) });
process.stdout.write(
  `${values.network}: ${ran} cycles in ${seconds.toFixed(2)} s of processor time: ${(ran / seconds / 1000).toFixed(0)} kcycles/s\n`,
);
