/** Some of the nine topologies; `npm run conformance` runs all. */
import { describe, expect, it } from 'vitest';
import { macCount, XC7Z045 } from '../src/machine/machine.ts';
import { listTopologies, runTopology } from './topologies.ts';

const SMALL = ['light_bvlc_alexnet', 'light_inception_v1', 'light_shufflenet', 'light_squeezenet'];
const names = listTopologies().filter((name) => SMALL.includes(name));
if (names.length === 0)
  console.log('test/topologies.test.ts is skipped: the topologies beside the project (../shared/data/light) are not here');

describe.skipIf(names.length === 0)('topologies', { timeout: 180_000 }, () => {
  it.each(names)('%s', async (name) => {
    const { difference, words, cycles, macs, sqnrDb, acceleratedShare } = await runTopology(name);
    expect(difference).toBeUndefined();
    // Words of tensors in DRAM; what stays on chip is not among them.
    expect(words).toBeGreaterThan(5e5);
    expect(macs).toBeGreaterThan(1e8);
    expect(cycles).toBeGreaterThan(macs / macCount(XC7Z045));
    expect(acceleratedShare).toBe(1);
    expect(sqnrDb).toBeGreaterThan(60);
  });
});
