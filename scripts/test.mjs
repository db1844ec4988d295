// Builds, runs the tests (those of the command line start what was built) and ends with one plain line, "N passed, N failed", from the counts in the runner's own report.
// Arguments go to vitest: `npm test -- src/isa`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
const env = { ...process.env, SNOWFLAKE_CLI: join(root, 'dist', 'src', 'cli', 'main.js') };

const folder = mkdtempSync(join(tmpdir(), 'snowflake-test-'));
const report = join(folder, 'report.json');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  env,
  stdio: 'inherit',
});

let result;
try {
  result = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  console.error('test: the runner ended without a report');
  process.exit(status || 1);
} finally {
  rmSync(folder, { recursive: true });
}
// A file that does not even load has no tests to count: it counts as one failure.
const broken = result.testResults.filter((file) => file.status === 'failed' && file.assertionResults.every((t) => t.status !== 'failed'));
const failed = result.numFailedTests + broken.length;
if (result.numPendingTests > 0) console.log(`${result.numPendingTests} skipped`);
console.log(`${result.numPassedTests} passed, ${failed} failed`);
process.exit(status || (failed > 0 || result.numPassedTests === 0 ? 1 : 0));
