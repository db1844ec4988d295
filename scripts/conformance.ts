/**
 * Runs the ONNX project's operator vectors and prints the count: accelerated, on the host, refused with the reason, failed; then its full-size topologies
 * with cycles and bits. Exit code 1 when one fails, or a vector of an operator that must pass (test/onnx-vectors.ts) is refused. Usage: npm run conformance [-- PATTERN]
 */
import { formatCount, formatDecibels, formatPercent } from '../src/report/table.ts';
import { isWanted, listVectors, runVector, type VectorResult } from '../test/onnx-vectors.ts';
import { listTopologies, runTopology } from '../test/topologies.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const pattern = new RegExp(process.argv[2] ?? '');
const names = listVectors().filter((name) => pattern.test(name));
const topologies = listTopologies().filter((name) => pattern.test(name));
if (names.length + topologies.length === 0) {
  print('conformance: nothing to run (vectors and topologies lie in ../shared/data beside the project)');
  process.exit(process.argv[2] === undefined ? 0 : 2);
}
const started = performance.now();
const results: VectorResult[] = [];
for (const [i, name] of names.entries()) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${i + 1} of ${names.length} ${name}`);
  results.push(await runVector(name));
}
if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');

const of = (status: VectorResult['status']): VectorResult[] => results.filter((result) => result.status === status);
const firstLines = (text: string): string => text.split('\n').slice(0, 3).join(' ').slice(0, 200);

const byOperator = new Map<string, VectorResult[]>();
for (const result of results) {
  const key = result.operators.join('+') || '(not readable)';
  byOperator.set(key, [...(byOperator.get(key) ?? []), result]);
}
for (const [operator, list] of [...byOperator].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const count = (status: VectorResult['status']): string => String(list.filter((result) => result.status === status).length).padStart(3);
  print(`${operator.padEnd(28)} accelerated ${count('accelerated')}  host ${count('host')}  refused ${count('refused')}`);
}
for (const result of of('refused')) print(`refused  ${isWanted(result) ? 'MUST PASS ' : ''}${result.name}: ${firstLines(result.detail)}`);
for (const result of of('failed')) print(`FAILED   ${result.name}: ${firstLines(result.detail)}`);
for (const result of of('differs')) print(`differs  ${result.name}: ${result.detail}`);
const missed = of('refused').filter(isWanted).length;
if (names.length > 0)
  print(
    `${names.length} vectors: ${of('accelerated').length} pass on the accelerator, ${of('host').length} on the host, ${of('refused').length} refused ` +
      `(${missed} of operators that must pass), ${of('differs').length} differ for a known reason, ${of('failed').length} failed; ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
let wrong = 0;
for (const name of topologies) {
  const { cycles, words, difference, sqnrDb, acceleratedShare, seconds } = await runTopology(name);
  if (difference !== undefined) wrong++;
  print(
    `${name.padEnd(22)} ${formatCount(cycles).padStart(12)} cycles, ${formatPercent(acceleratedShare)} of the MACs accelerated, ` +
      `bits ${difference === undefined ? `equal (${formatCount(words)} words)` : `DIFFER: ${difference}`}, SQNR ${formatDecibels(sqnrDb)} dB; ${seconds.toFixed(1)} s`,
  );
}
if (missed + wrong > 0 || of('failed').length > 0) process.exitCode = 1;
