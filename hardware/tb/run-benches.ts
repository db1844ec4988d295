/**
 * Builds and runs the module benches of a folder of hardware/tb: one model with all of them, random stimulus by seed, coverage printed.
 * Usage: npx tsx hardware/tb/run-benches.ts [cu|system] [seed]. Documentation: hardware/README.md.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { NO_VERILATOR, verilatorVersion } from '../../src/runtime/rtl-model.ts';
import { InputError } from '../../src/util/errors.ts';

const HARDWARE = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const CACHE = path.join(path.dirname(HARDWARE), 'out/benches');

interface Group {
  readonly top: string;
  /** Folders of hardware/rtl whose modules it needs. */
  readonly rtl: readonly string[];
  /** Files of other groups that it needs. */
  readonly common: readonly string[];
}

/** By folder of hardware/tb. */
const GROUPS: Readonly<Record<string, Group>> = {
  cu: { top: 'sf_cu_benches', rtl: ['cu', 'control'], common: [] },
  system: { top: 'sf_system_benches', rtl: ['cu', 'control', 'dma', 'memory', 'system'], common: ['cu/sf_bench_pkg.sv'] },
};

export interface BenchRun {
  readonly passed: boolean;
  /** What the benches print: errors, and coverage line by line. */
  readonly output: string;
}

function sources(group: string): string[] {
  const files = [path.join(HARDWARE, 'rtl/generated/sf_pkg.sv'), path.join(HARDWARE, 'rtl/sf_types_pkg.sv')];
  const common = GROUPS[group].common.map((name) => path.join(HARDWARE, 'tb', name));
  const sourcesIn = (folder: string): string[] =>
    readdirSync(path.join(HARDWARE, folder))
      .filter((name) => name.endsWith('.sv'))
      .sort()
      .map((name) => path.join(HARDWARE, folder, name));
  const all = [...GROUPS[group].rtl.flatMap((name) => sourcesIn(`rtl/${name}`)), ...common, ...sourcesIn(`tb/${group}`)];
  const isPackage = (name: string): boolean => name.endsWith('_pkg.sv');
  return [...files, ...all.filter(isPackage), ...all.filter((name) => !isPackage(name))];
}

/** Path of the program with all benches of a group; built once per state of the sources. */
function buildBenches(group: string): string {
  const version = verilatorVersion();
  if (version === undefined) throw new InputError(NO_VERILATOR);
  const { top } = GROUPS[group];
  const files = [...sources(group), path.join(HARDWARE, 'tb/main.cc')];
  const flags = [
    ...['--cc', '--exe', '--build', '-j', '2', '-O3', '--assert', '--top-module', top, '--prefix', 'Vbenches'],
    ...['-Wno-fatal', '-Wno-lint', '-Wno-style'],
    ...['-CFLAGS', '-std=c++17', '-MAKEFLAGS', 'OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0'],
  ];
  const hash = createHash('sha256').update(`${version}\n${flags.join(' ')}`);
  for (const file of files) hash.update(readFileSync(file));
  const folder = path.join(CACHE, `${group}-${hash.digest('hex').slice(0, 16)}`);
  const program = path.join(folder, 'Vbenches');
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  const build = mkdtempSync(path.join(CACHE, 'build-'));
  try {
    execFileSync('verilator', [...flags, '--Mdir', build, ...files], { encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 28 });
    renameSync(build, folder);
  } catch (error) {
    rmSync(build, { recursive: true, force: true });
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    // Another process may have been faster.
    if (!existsSync(program)) throw new Error(`Verilator could not build the benches of ${group}:\n${stderr ?? ''}${stdout ?? ''}`);
  }
  return program;
}

/** Runs all benches of a group. */
export function runBenches(group: string, seed: number): BenchRun {
  const { status, stdout, stderr } = spawnSync(buildBenches(group), [`--seed=${seed}`], { encoding: 'utf8', timeout: 300_000 });
  return { passed: status === 0, output: `${stdout}${stderr}` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [group = 'cu', seed = '1'] = process.argv.slice(2);
  if (!Object.hasOwn(GROUPS, group)) throw new InputError(`no benches '${group}': ${Object.keys(GROUPS).join(', ')}`);
  const run = runBenches(group, Number(seed));
  process.stdout.write(`seed ${seed}\n${run.output}`);
  process.exitCode = run.passed ? 0 : 1;
}
