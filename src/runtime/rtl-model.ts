/**
 * Builds sf_top of a machine with its harness as a program: Verilator, once per machine, sources and options; later calls find it ready.
 * Documentation: hardware/README.md.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine } from '../machine/machine.ts';
import { InputError } from '../util/errors.ts';
import { findRtlFault, renderPackage } from './rtl-package.ts';
import { renderSharing } from './rtl-sharing.ts';

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
  /** Built in a third of the time, runs at half the speed. */
  readonly quick?: boolean;
  /**
   * Runs a model for some ten thousand cycles. Given, the model is compiled twice: with counters, and, once this has run it, for what they found.
   * It then takes twice as long to build and is a tenth faster (hardware/README.md, "Speed of the model").
   */
  readonly train?: (model: string) => void;
  /** Folder of the RTL; default hardware/rtl. */
  readonly rtlFolder?: string;
  /** Where models are kept; default out/rtl under the project. */
  readonly cacheFolder?: string;
}

/** SystemVerilog files of sf_top without sf_pkg: packages first. */
export function rtlSources(rtl = path.join(findHardware(), 'rtl')): string[] {
  const files = [path.join(rtl, 'sf_types_pkg.sv')];
  const isPackage = (name: string): boolean => name.endsWith('_pkg.sv');
  for (const folder of ['cu', 'control', 'dma', 'memory', 'system'].map((name) => path.join(rtl, name))) {
    const names = readdirSync(folder)
      .filter((name) => name.endsWith('.sv'))
      .sort();
    files.push(...[...names.filter(isPackage), ...names.filter((name) => !isPackage(name))].map((name) => path.join(folder, name)));
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

/** What a model is built from, and where it is kept. */
interface ModelPlan {
  readonly flags: readonly string[];
  readonly pkg: string;
  /** Verilator's configuration files that are there, and the text of the one that is written; both empty for waveforms. */
  readonly storage: readonly string[];
  readonly sharing: string;
  readonly sources: readonly string[];
  readonly harness: readonly string[];
  readonly hardware: string;
  readonly cache: string;
  readonly folder: string;
}

/** @throws InputError when the RTL cannot be that machine, or Verilator is missing */
function planModel(machine: Machine, options: ModelOptions): ModelPlan {
  const fault = findRtlFault(machine);
  if (fault !== undefined) throw new InputError(`machine ${machine.name}: ${fault}`);
  const version = verilatorVersion();
  if (version === undefined) throw new InputError(NO_VERILATOR);
  const pkg = renderPackage(machine);
  const hardware = findHardware();
  const sources = [...rtlSources(options.rtlFolder), path.join(hardware, 'tb/lockstep/sf_lockstep.sv')];
  const harness = ['lockstep/main.cc', 'lockstep/sign.h', 'memory/memory.cc', 'memory/memory.h'].map((name) =>
    path.join(hardware, 'tb', name),
  );
  // A waveform shows vectors whole.
  const storage = options.waves === true ? [] : [path.join(hardware, 'tb/lockstep/split.vlt')];
  const sharing = options.waves === true ? '' : renderSharing(sources);
  const flags = [
    ...['--cc', '--exe', '--build', '-j', '2', '-O3', '--x-assign', 'fast', '--x-initial', 'fast', '--noassert'],
    ...['--top-module', 'sf_lockstep', '-Wno-fatal', '-Wno-lint'],
    ...['-CFLAGS', '-std=c++17 -include sign.h'],
    // Verilator hands them to a shell.
    ...[
      '-MAKEFLAGS',
      makeVariables(options, options.train && 'generate')
        .map((text) => `'${text}'`)
        .join(' '),
    ],
    ...(options.waves === true ? ['--trace-fst', '--trace-structs'] : []),
  ];
  const hash = createHash('sha256').update(`${version}\n${flags.join(' ')}\n${sharing}\n${pkg}`);
  for (const file of [...sources, ...harness, ...storage]) hash.update(file).update(readFileSync(file));
  const cache = options.cacheFolder ?? path.join(path.dirname(hardware), 'out', 'rtl');
  return { flags, pkg, storage, sharing, sources, harness, hardware, cache, folder: path.join(cache, hash.digest('hex').slice(0, 16)) };
}

/** Path of the program that `buildModel` would build, undefined as long as it is not there. @throws InputError as `buildModel` */
export function findModel(machine: Machine, options: ModelOptions = {}): string | undefined {
  const model = path.join(planModel(machine, options).folder, 'Vsf_lockstep');
  return existsSync(model) ? model : undefined;
}

/**
 * Path of the program that simulates sf_top of a machine.
 * @throws InputError when the RTL cannot be that machine, or Verilator is missing; Error with Verilator's messages when it fails.
 */
export function buildModel(machine: Machine, options: ModelOptions = {}): string {
  const { flags, pkg, storage, sharing, sources, harness, hardware, cache, folder } = planModel(machine, options);
  const model = path.join(folder, 'Vsf_lockstep');
  if (existsSync(model)) return model;

  mkdirSync(cache, { recursive: true });
  const unlock = lock(`${folder}.lock`);
  try {
    if (existsSync(model)) return model;
    const build = mkdtempSync(path.join(cache, 'build-'));
    try {
      writeFileSync(path.join(build, 'sf_pkg.sv'), pkg);
      copyFileSync(path.join(hardware, 'tb/lockstep/sign.h'), path.join(build, 'sign.h'));
      const configuration = [...storage];
      if (sharing !== '') {
        configuration.push(path.join(build, 'share.vlt'));
        writeFileSync(path.join(build, 'share.vlt'), sharing);
      }
      const inputs = [...configuration, path.join(build, 'sf_pkg.sv'), ...sources, ...harness.filter((name) => name.endsWith('.cc'))];
      execFileSync('verilator', [...flags, '--Mdir', build, ...inputs], { encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 28 });
      if (options.train) compileForProfile(build, options, options.train);
      // Of hundreds of megabytes only the program is needed.
      const ready = mkdtempSync(path.join(cache, 'ready-'));
      renameSync(path.join(build, 'Vsf_lockstep'), path.join(ready, 'Vsf_lockstep'));
      renameSync(ready, folder);
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      if (stderr === undefined) throw error;
      throw new Error(`Verilator could not build sf_top:\n${stderr}${stdout ?? ''}`);
    } finally {
      rmSync(build, { recursive: true, force: true });
    }
  } finally {
    unlock();
  }
  return model;
}

/** Variables of Verilator's makefile. Half of the code runs once; what runs every cycle may have counters, or know what they found. */
function makeVariables(options: ModelOptions, profile?: 'generate' | 'use'): string[] {
  const fast = options.quick === true ? '-O1' : '-O2';
  if (profile === undefined) return [`OPT_FAST=${fast}`, 'OPT_SLOW=-O0', 'OPT_GLOBAL=-O1'];
  return [`OPT_FAST=${fast} -fprofile-${profile}`, 'OPT_SLOW=-O0', 'OPT_GLOBAL=-O1', `LDFLAGS=-fprofile-${profile}`];
}

/** Runs the model in a build folder, and compiles what has been counted once more. */
function compileForProfile(build: string, options: ModelOptions, train: (model: string) => void): void {
  const model = path.join(build, 'Vsf_lockstep');
  train(model);
  const counted = readdirSync(build).filter((name) => name.endsWith('.gcda'));
  for (const name of counted) rmSync(path.join(build, name.replace(/\.gcda$/, '.o')));
  rmSync(model);
  execFileSync('make', ['-C', build, '-j', '2', '-f', 'Vsf_lockstep.mk', ...makeVariables(options, 'use')], {
    encoding: 'utf8',
    stdio: 'pipe',
    maxBuffer: 1 << 28,
  });
}

const POLL_MS = 500;

/** Waits until no other process holds the lock, takes it, and returns what gives it back. A lock whose process is gone counts for nothing. */
function lock(file: string): () => void {
  const own = `${process.pid}`;
  for (;;) {
    try {
      writeFileSync(file, own, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (!isAlive(file)) rmSync(file, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
}

function isAlive(file: string): boolean {
  try {
    // Signal 0 only asks.
    const holder = Number(readFileSync(file, 'utf8'));
    // A file that is being written is empty for a moment.
    return holder === 0 || process.kill(holder, 0);
  } catch {
    return false;
  }
}
