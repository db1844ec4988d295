/**
 * Builds sf_top of a machine with its harness as a program: Verilator, once per machine, sources and options; later calls find it ready.
 * Documentation: hardware/README.md.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine } from '../machine/machine.ts';
import { InputError } from '../util/errors.ts';
import { findRtlFault, renderPackage } from './rtl-package.ts';

const MARK = path.join('rtl', 'sf_types_pkg.sv');

/** The folder hardware/ of this project. @throws InputError when it did not come along */
function findHardware(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const hardware = path.join(folder, 'hardware');
    if (existsSync(path.join(hardware, MARK))) return hardware;
    if (folder === path.dirname(folder)) throw new InputError('the RTL sources (folder hardware/) are not there');
  }
}

export interface ModelOptions {
  /** Can write waveforms (slower). */
  readonly waves?: boolean;
  /** Sources of the compute unit; default hardware/rtl/cu. */
  readonly cuFolder?: string;
  /** Where models are kept; default out/rtl under the project. */
  readonly cacheFolder?: string;
}

/** SystemVerilog files of sf_top without sf_pkg: packages first. */
export function rtlSources(cuFolder?: string): string[] {
  const rtl = path.join(findHardware(), 'rtl');
  const folders = ['control', 'dma', 'memory', 'system'].map((name) => path.join(rtl, name));
  const files = [path.join(rtl, 'sf_types_pkg.sv')];
  for (const folder of [cuFolder ?? path.join(rtl, 'cu'), ...folders]) {
    const names = readdirSync(folder).filter((name) => name.endsWith('.sv'));
    const isPackage = (name: string): boolean => name.endsWith('_pkg.sv');
    files.push(
      ...[...names.filter(isPackage).sort(), ...names.filter((name) => !isPackage(name)).sort()].map((name) => path.join(folder, name)),
    );
  }
  return files;
}

/** The version that Verilator prints; undefined where it is not installed. */
export function verilatorVersion(): string | undefined {
  try {
    return execFileSync('verilator', ['--version'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

export const NO_VERILATOR = "Verilator is not installed: 'apt-get install verilator g++ make zlib1g-dev'";

/**
 * Path of the program that simulates sf_top of a machine.
 * @throws InputError when the RTL cannot be that machine, or Verilator is missing; Error with Verilator's messages when it fails.
 */
export function buildModel(machine: Machine, options: ModelOptions = {}): string {
  const fault = findRtlFault(machine);
  if (fault !== undefined) throw new InputError(`machine ${machine.name}: ${fault}`);
  const version = verilatorVersion();
  if (version === undefined) throw new InputError(NO_VERILATOR);
  const pkg = renderPackage(machine);
  const hardware = findHardware();
  const sources = [...rtlSources(options.cuFolder), path.join(hardware, 'tb/lockstep/sf_lockstep.sv')];
  const harness = ['tb/lockstep/main.cc', 'tb/memory/memory.cc', 'tb/memory/memory.h'].map((name) => path.join(hardware, name));
  const flags = [
    ...['--cc', '--exe', '--build', '-j', '2', '-O3', '--x-assign', 'fast', '--x-initial', 'fast', '--noassert'],
    ...['--top-module', 'sf_lockstep', '-Wno-fatal', '-Wno-lint', '-CFLAGS', '-std=c++17'],
    // Half of the code runs once.
    ...['-MAKEFLAGS', `OPT_FAST=${process.env.SF_OPT ?? '-O2'} OPT_SLOW=-O0 OPT_GLOBAL=-O1`],
    ...(options.waves === true ? ['--trace-fst', '--trace-structs'] : []),
  ];
  const hash = createHash('sha256').update(`${version}\n${flags.join(' ')}\n${pkg}`);
  for (const file of [...sources, ...harness]) hash.update(file).update(readFileSync(file));
  const cache = options.cacheFolder ?? path.join(path.dirname(hardware), 'out', 'rtl');
  const folder = path.join(cache, hash.digest('hex').slice(0, 16));
  const model = path.join(folder, 'Vsf_lockstep');
  if (existsSync(model)) return model;

  mkdirSync(cache, { recursive: true });
  const build = mkdtempSync(path.join(cache, 'build-'));
  try {
    writeFileSync(path.join(build, 'sf_pkg.sv'), pkg);
    const inputs = [path.join(build, 'sf_pkg.sv'), ...sources, ...harness.filter((name) => name.endsWith('.cc'))];
    try {
      execFileSync('verilator', [...flags, '--Mdir', build, ...inputs], { encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 28 });
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(`Verilator could not build sf_top:\n${stderr ?? ''}${stdout ?? ''}`);
    }
    renameSync(build, folder);
  } catch (error) {
    rmSync(build, { recursive: true, force: true });
    // Another process may have been faster.
    if (!existsSync(model)) throw error;
  }
  return model;
}
