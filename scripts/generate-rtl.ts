/**
 * Writes sf_pkg.sv, the constants of the RTL (src/runtime/rtl-package.ts). The default machine's package is committed; other machines go to a folder of
 * their own. Usage: npx tsx scripts/generate-rtl.ts [--machine <preset or file>] [--out <folder>] [--check]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Machine, PRESETS } from '../src/machine/machine.ts';
import { parseMachineText } from '../src/machine/parse-machine.ts';
import { findRtlFault, renderPackage } from '../src/runtime/rtl-package.ts';
import { InputError } from '../src/util/errors.ts';

/** The machine that the command line names: a preset or a machine file. */
function readMachine(name: string): Machine {
  if (Object.hasOwn(PRESETS, name)) return PRESETS[name];
  let text: string;
  try {
    text = readFileSync(name, 'utf8');
  } catch {
    throw new InputError(`${name}: neither a preset (${Object.keys(PRESETS).join(', ')}) nor a readable machine file`);
  }
  return parseMachineText(text, name);
}

function main(): void {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const { values } = parseArgs({
    options: {
      machine: { type: 'string', default: 'xc7z045' },
      out: { type: 'string', default: path.join(root, 'hardware/rtl/generated') },
      check: { type: 'boolean', default: false },
    },
  });
  const machine = readMachine(values.machine);
  const fault = findRtlFault(machine);
  if (fault !== undefined) throw new InputError(`${values.machine}: ${fault}`);
  const file = path.join(values.out, 'sf_pkg.sv');
  const text = renderPackage(machine);
  if (!values.check) {
    mkdirSync(values.out, { recursive: true });
    writeFileSync(file, text);
    return;
  }
  let found = '';
  try {
    found = readFileSync(file, 'utf8');
  } catch {}
  if (found !== text) throw new InputError(`${path.relative(root, file)} differs from the tables: run 'npx tsx scripts/generate-rtl.ts'`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
