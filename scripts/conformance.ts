/**
 * What public models say of the accelerator: the ONNX project's operator vectors (accelerated, on the host, refused with the reason, failed), its full-size
 * topologies (cycles and bits), and networks with real weights on real inputs (what they find, how close to float32).
 *
 *   npm run conformance                 run all, print
 *   npm run conformance -- --only PAT   those whose names match
 *   npm run conformance -- --write      run all, write docs/results/conformance.md
 *
 * Exit code 1 when one fails, a vector of an operator that must pass (test/onnx-vectors.ts) is refused, or bits differ; 2 on a wrong call or missing data.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FINDINGS } from '../test/golden-findings.ts';
import { GOLDEN, type GoldenName, hasGolden, runGolden } from '../test/golden-runs.ts';
import { isWanted, listVectors, runVector, type VectorResult } from '../test/onnx-vectors.ts';
import { listTopologies, runTopology } from '../test/topologies.ts';
import { type ConformanceResults, missedVectors, renderConformance, renderConformancePage } from './conformance-page.ts';

const PAGE = path.join(path.dirname(fileURLToPath(import.meta.url)), '../docs/results/conformance.md');

const { values: options } = parseArgs({ options: { only: { type: 'string', default: '' }, write: { type: 'boolean', default: false } } });
const pattern = new RegExp(options.only);
const vectors = listVectors().filter((name) => pattern.test(name));
const topologies = listTopologies().filter((name) => pattern.test(name));
const networks = hasGolden ? (Object.keys(GOLDEN) as GoldenName[]).filter((name) => pattern.test(name)) : [];
const wanted = vectors.length + topologies.length + networks.length;
if (wanted === 0 || (options.write && (options.only !== '' || Math.min(vectors.length, topologies.length, networks.length) === 0))) {
  process.stderr.write(
    wanted > 0 && options.only !== ''
      ? '--write wants all of them: leave --only out\n'
      : `nothing to run${options.only === '' ? '' : ` matches ${options.only}`}: the public models lie in ../shared/data beside the project\n`,
  );
  process.exit(2);
}

let done = 0;
/** Runs the members of a list one after the other, with progress on a terminal. */
async function runAll<N extends string, T>(names: readonly N[], run: (name: N) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (const name of names) {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${++done} of ${wanted} ${name}`);
    results.push(await run(name));
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  return results;
}

const results: ConformanceResults = {
  vectors: await runAll(vectors, async (name): Promise<VectorResult & { wanted: boolean }> => {
    const result = await runVector(name);
    return { ...result, wanted: isWanted(result) };
  }),
  topologies: await runAll(topologies, async (name) => ({ name, ...(await runTopology(name)) })),
  networks: await runAll(networks, async (name) => {
    const run = await runGolden(name);
    return { file: GOLDEN[name][0], found: FINDINGS[name](run.outputs), wanted: FINDINGS[name](run.golden), ...run };
  }),
};
process.stdout.write(renderConformance(results));
if (options.write) writeFileSync(PAGE, renderConformancePage(results));

const failed =
  results.vectors.some(({ status }) => status === 'failed') ||
  missedVectors(results.vectors).length > 0 ||
  [...results.topologies, ...results.networks].some(({ difference }) => difference !== undefined);
if (failed) process.exitCode = 1;
