/**
 * Runs one script of the Yosys that has slang (a WebAssembly package that needs Node 24): started by front-end.ts under that Node.
 * Arguments: the package's module, a JSON file { script, files: {name: path}, outputs: {name: path} }. The log goes to standard output.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [modulePath, jobPath] = process.argv.slice(2);
const { runYosys } = await import(pathToFileURL(modulePath).href);
const { script, files, outputs } = JSON.parse(readFileSync(jobPath, 'utf8'));
const tree = Object.fromEntries(Object.entries(files).map(([name, path]) => [name, readFileSync(path)]));
const write = (bytes) => {
  if (bytes !== null) process.stdout.write(bytes);
};
try {
  const made = await runYosys(['-q', '-p', script], tree, { stdout: write, stderr: write, fetchProgress: () => {} });
  for (const [name, path] of Object.entries(outputs)) writeFileSync(path, made[name]);
} catch (error) {
  process.stdout.write(`${error}\n`);
  process.exitCode = 1;
}
