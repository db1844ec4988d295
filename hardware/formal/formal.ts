/**
 * Formal checks of queues, semaphores, arbiters, the DMA window and the burst splitter: the properties of hardware/formal/*.sv by yosys-smtbmc
 * with z3, or Yosys' SAT solver. `npm run formal` prints the table; `--only <name>` runs some. Documentation: hardware/README.md.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { InputError } from '../../src/util/errors.ts';
import { ensureFrontEnd, HARDWARE, ROOT, runFrontEnd } from '../synth/front-end.ts';

export interface Property {
  /** Name of the module under test; the wrapper is `<module>_formal`. */
  readonly module: string;
  readonly folder: string;
  /** Other sources than the module's own and its wrapper, seen from hardware/rtl. */
  readonly with: readonly string[];
  readonly says: string;
  /** Induction: holds for ever. Bound: holds for `depth` cycles from reset, whatever the inputs. */
  readonly method: 'induction' | 'bound';
  /** smt: yosys-smtbmc with z3. sat: Yosys' own SAT solver, where z3 needs minutes for what that does in seconds (counters, wide multiplexers). */
  readonly engine: 'smt' | 'sat';
  /** Cycles: of the base case and of the induction step, or the bound. */
  readonly depth: number;
  /** Takes seconds: part of the tests. */
  readonly quick: boolean;
}

/** A property that takes longer is reported as failed. */
const TIMEOUT_MS = 15 * 60_000;

const CU = ['cu/sf_cu_pkg.sv'];
const QUEUE = ['control/sf_fifo.sv', 'control/sf_fifo_head.sv', 'control/sf_start.sv', '../formal/sf_queue_rules.sv'];

export const PROPERTIES: readonly Property[] = [
  {
    module: 'sf_fifo',
    engine: 'smt',
    folder: 'control',
    with: [],
    says: 'a list: order, head, room',
    method: 'induction',
    depth: 4,
    quick: true,
  },
  {
    module: 'sf_token_counter',
    engine: 'smt',
    folder: 'control',
    with: [],
    says: 'counts, never wraps, overflow reported',
    method: 'induction',
    depth: 3,
    quick: true,
  },
  {
    module: 'sf_tokens',
    engine: 'sat',
    folder: 'control',
    with: ['control/sf_token_counter.sv'],
    says: 'any pair: latency, none lost, no disturbance',
    method: 'bound',
    depth: 5,
    quick: false,
  },
  {
    module: 'sf_queue',
    engine: 'sat',
    folder: 'control',
    with: QUEUE,
    says: 'order, start rule, room, head after LatQueue',
    method: 'bound',
    depth: 12,
    quick: false,
  },
  {
    module: 'sf_queues',
    engine: 'sat',
    folder: 'control',
    with: QUEUE,
    says: 'order, start rule, room, first head after LatQueue',
    method: 'bound',
    depth: 9,
    quick: false,
  },
  {
    module: 'sf_accept',
    engine: 'sat',
    folder: 'memory',
    with: [],
    says: 'one-hot, priority, limits of outstanding bursts',
    method: 'induction',
    depth: 3,
    quick: true,
  },
  {
    module: 'sf_result_bus',
    engine: 'sat',
    folder: 'system',
    with: [],
    says: 'one-hot, room of targets, no starvation',
    method: 'bound',
    depth: 12,
    quick: false,
  },
  {
    module: 'sf_port_b',
    engine: 'smt',
    folder: 'cu',
    with: ['cu/sf_rotate.sv'],
    says: 'one grant, fixed priority',
    method: 'induction',
    depth: 1,
    quick: true,
  },
  {
    module: 'sf_credits',
    engine: 'smt',
    folder: 'cu',
    with: ['cu/sf_delay.sv'],
    says: 'no credit lost or made',
    method: 'induction',
    depth: 3,
    quick: true,
  },
  {
    module: 'sf_window',
    engine: 'smt',
    folder: 'memory',
    with: [],
    says: 'nothing outside the window, no 4 KB crossing',
    method: 'induction',
    depth: 3,
    quick: true,
  },
  {
    module: 'sf_run_bursts',
    engine: 'sat',
    folder: 'dma',
    with: [],
    says: 'blocks, every line once, first, last, stable',
    method: 'bound',
    depth: 7,
    quick: false,
  },
];

export interface Verdict {
  readonly ok: boolean;
  readonly seconds: number;
  readonly log: string;
}

/** One line on what is missing; undefined when the tools are there. */
export function findMissingTool(): string | undefined {
  for (const [tool, packages] of [
    ['yosys-smtbmc', 'yosys'],
    ['z3', 'z3'],
  ] as const) {
    const { error } = spawnSync(tool, ['--version'], { stdio: 'ignore' });
    if (error !== undefined) return `${tool} is not installed: 'apt-get install ${packages}'`;
  }
  try {
    ensureFrontEnd();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return undefined;
}

/** Checks one property. @throws InputError when the front end cannot be installed or refuses the sources. */
export async function checkProperty(property: Property): Promise<Verdict> {
  const { module, folder, depth } = property;
  const rtl = path.join(HARDWARE, 'rtl');
  mkdirSync(path.join(ROOT, 'out'), { recursive: true });
  const work = mkdtempSync(path.join(ROOT, 'out', 'formal-'));
  const start = Date.now();
  try {
    const files = [
      ...['generated/sf_pkg.sv', 'sf_types_pkg.sv', ...CU, ...property.with, `${folder}/${module}.sv`].map((name) => path.join(rtl, name)),
      path.join(HARDWARE, 'formal', `${module}_formal.sv`),
    ];
    const top = `${module}_formal`;
    const read = `read_slang --threads 1 --top ${top} ${files.map((file) => path.basename(file)).join(' ')}`;
    const prepare = `${read}; prep -top ${top}; chformal -lower; async2sync; dffunmap`;
    if (property.engine === 'sat') {
      const kind = property.method === 'induction' ? '-tempinduct' : '-tempinduct -tempinduct-baseonly';
      const options = `${kind} -prove-asserts -set-assumes -verify -maxsteps ${depth} -timeout ${TIMEOUT_MS / 1000}`;
      const { ok, log } = await runFrontEnd(`${prepare}; memory_map; opt_clean; sat ${options} ${top}`, files);
      return { ok, seconds: (Date.now() - start) / 1000, log };
    }
    const model = path.join(work, 'model.smt2');
    const run = await runFrontEnd(`${prepare}; write_smt2 -wires model.smt2`, files, {
      'model.smt2': model,
    });
    if (!run.ok) throw new InputError(`${top}: ${run.log}`);
    const steps =
      property.method === 'induction'
        ? [
            ['-t', `${depth + 1}`],
            ['-i', '-t', `${depth}`],
          ]
        : [['-t', `${depth + 1}`]];
    let log = '';
    for (const step of steps) {
      const { ok, text } = await solve(['-s', 'z3', ...step, model]);
      log += text;
      if (!ok) return { ok: false, seconds: (Date.now() - start) / 1000, log };
    }
    return { ok: true, seconds: (Date.now() - start) / 1000, log };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function solve(options: readonly string[]): Promise<{ ok: boolean; text: string }> {
  return new Promise((resolve) => {
    execFile(
      'yosys-smtbmc',
      [...options],
      { maxBuffer: 1 << 26, timeout: TIMEOUT_MS, env: { ...process.env, PYTHONUNBUFFERED: '1' } },
      (_error, stdout, stderr) => {
        resolve({ ok: stdout.includes('Status: PASSED'), text: `${stdout}${stderr}` });
      },
    );
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
  const missing = findMissingTool();
  if (missing !== undefined) throw new InputError(missing);
  process.stdout.write('| module | property | method | cycles | seconds | |\n|---|---|---|---:|---:|---|\n');
  let failed = 0;
  for (const property of PROPERTIES) {
    if (values.only !== undefined && !values.only.includes(property.module)) continue;
    const { ok, seconds, log } = await checkProperty(property);
    const method = `${property.method === 'induction' ? 'induction' : 'bounded'}, ${property.engine === 'smt' ? 'z3' : 'SAT'}`;
    const cells = [property.module, property.says, method, property.depth, seconds.toFixed(1), ok ? 'holds' : '**fails**'];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
    if (!ok) {
      failed++;
      process.stderr.write(
        log
          .split('\n')
          .filter((line) => /Assert|Status|failed|Error/i.test(line))
          .join('\n')
          .concat('\n'),
      );
    }
  }
  if (failed > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof InputError ? error.message : error}\n`);
    process.exitCode = error instanceof InputError ? 2 : 1;
  });
}
