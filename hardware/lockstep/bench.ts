/**
 * `npm run bench:rtl`: clock cycles of Verilated sf_top a second, on the convolutions of a network (default SqueezeNet 1.1), the harness included.
 * Prints processor time as well: on a busy machine it is the better measure. Documentation: hardware/README.md.
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
const usage = (): number => process.resourceUsage().userCPUTime;
// Once without work: what starting costs.
const seconds = (limit: number): { wall: number; ran: number } => {
  const started = performance.now();
  const { ran } = runRtl(model, programs[0], image, { limit });
  return { wall: (performance.now() - started) / 1000, ran };
};
const idle = seconds(1);
const before = usage();
const busy = seconds(Number(values.cycles));
const wall = busy.wall - idle.wall;
const own = (usage() - before) / 1e6;
process.stdout.write(
  `${values.network}: ${busy.ran} cycles in ${wall.toFixed(2)} s: ${(busy.ran / wall / 1000).toFixed(0)} kcycles/s` +
    ` (the starter itself used ${own.toFixed(2)} s; start and end of a run, ${idle.wall.toFixed(2)} s, not counted)\n`,
);
