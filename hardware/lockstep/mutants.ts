/**
 * `npm run mutants`: seeded defects of RTL and simulator, one at a time, each a textual substitution; every one must be caught by the lockstep or by a fault
 * with its documented cause. Prints which check catches it. Documentation: hardware/README.md.
 *
 * Defects of the RTL are alternatives in one model: `original` becomes `mutant == n ? mutated : original`, and a plus argument chooses n, so that Verilator runs
 * once. Defects of the simulator are applied to a copy of the sources, in which this file runs again with --check.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseMachine } from '../../src/machine/parse-machine.ts';
import { buildModel } from '../../src/runtime/rtl-model.ts';
import { runRtl } from '../../src/runtime/rtl-run.ts';
import { directedPrograms } from './directed.ts';
import { directedFaults, runFault } from './faults.ts';
import { compareRun, type ExpectedRun, expectRun } from './lockstep.ts';
import { randomProgram } from './random-program.ts';

interface Mutant {
  readonly what: string;
  /** Under hardware/rtl or src. */
  readonly file: string;
  readonly original: string;
  readonly mutated: string;
}

const RTL_MUTANTS: readonly Mutant[] = [
  {
    what: 'saturation to the wrong side',
    file: 'cu/sf_clamp.sv',
    original: 'beyond_i ? !sign_i : value_i > high_i',
    mutated: 'beyond_i ? sign_i : value_i > high_i',
  },
  {
    what: 'the shift forgets overflow above bit 30',
    file: 'cu/sf_post_shift.sv',
    original: "above || (wrong >> fine_q[3:2]) != '0",
    mutated: "(wrong >> fine_q[3:2]) != '0",
  },
  {
    what: 'a wrong rounding bit: shift by one less or more',
    file: 'cu/sf_post_shift.sv',
    original: 'middle >> fine_q[1:0]',
    mutated: "middle >> (fine_q[1:0] ^ 2'd1)",
  },
  { what: 'a credit too few', file: 'cu/sf_credits.sv', original: "count_q >= CountW'(need_i)", mutated: "count_q > CountW'(need_i)" },
  {
    what: 'the result FIFO a cycle later',
    file: 'cu/sf_result_fifo.sv',
    original: "(waiting_q != '0 || ready_i) && (!valid_q || gnt)",
    mutated: "waiting_q != '0 && (!valid_q || gnt)",
  },
  { what: 'a write signal a cycle late', file: 'cu/sf_write_signal.sv', original: "count_q != '0 || ack_i[c]", mutated: "count_q != '0" },
  {
    what: 'a swapped row at the wrap of a maps access',
    file: 'cu/sf_port_b.sv',
    original: "row_t'(2'(q) < addr2_q[ColW-1:ColW-2])",
    mutated: "row_t'(2'(q) <= addr2_q[ColW-1:ColW-2])",
  },
  { what: 'a swapped bank of depthwise operands', file: 'cu/sf_operand.sv', original: "base5_q + 2'(v)", mutated: "base5_q - 2'(v)" },
  { what: 'a row a cycle early', file: 'cu/sf_mac_seq.sv', original: "row_wait_q > WaitW'(1)", mutated: "row_wait_q > WaitW'(2)" },
  {
    what: 'a ring that wraps a word late',
    file: 'cu/sf_walk_prep.sv',
    original: 'write && !sum[ValueW-1]',
    mutated: "write && !sum[ValueW-1] && sum != '0",
  },
  { what: 'a stride that never crosses a tap more', file: 'cu/sf_walker.sv', original: '!load && x_cross', mutated: "1'b0" },
  { what: 'a result word too many', file: 'cu/sf_mac_granules.sv', original: "alloc_words_q > 7'(i)", mutated: "alloc_words_q >= 7'(i)" },
  {
    what: 'results for several CUs stay in their own',
    file: 'cu/sf_mac_granules.sv',
    original: 'alloc_cus_q == own_cu_i',
    mutated: "(alloc_cus_q & own_cu_i) != '0",
  },
  {
    what: 'an addition without rounding',
    file: 'cu/sf_vec_shift.sv',
    original: "floor + 16'(round)",
    mutated: 'floor',
  },
  {
    what: 'a sum that is looked up before it is saturated',
    file: 'cu/sf_vec_data.sv',
    original: 'beyond[l] ? {sign[l], {7{!sign[l]}}} : high[l]',
    mutated: 'high[l]',
  },
  {
    what: 'a sum shifted as its look-up is',
    file: 'cu/sf_vec_data.sv',
    original: "late_i.is_sum && odd_q[4] == 1'(p)",
    mutated: "1'b0",
  },
  {
    what: 'chunks of sums that begin in any cycle',
    file: 'cu/sf_vec_pace.sv',
    original: '(!sum_i || index_q[0])',
    mutated: "1'b1",
  },
  {
    what: 'a complement that is one too small',
    file: 'cu/sf_vec_seq.sv',
    original: "24'(work_q.is_complement)",
    mutated: "24'(1'b0)",
  },
  {
    what: 'a rotation by 3 for 2',
    file: 'cu/sf_rotate.sv',
    original: 'fine_code[1] ? fine[2] : fine[1]',
    mutated: 'fine_code[1] ? fine[3] : fine[1]',
  },
  {
    what: 'BLT compares without sign',
    file: 'control/sf_core.sv',
    original: "signed'(a[31:LowW]) < signed'(b[31:LowW])",
    mutated: 'a[31:LowW] < b[31:LowW]',
  },
  {
    what: 'SLL shifts by 4 bits of the register',
    file: 'control/sf_core.sv',
    original: 'a << b[4:0]',
    mutated: 'a << b[3:0]',
  },
  { what: 'decode does not fill while a GO waits', file: 'control/sf_core.sv', original: '!stall || !d_valid_q', mutated: '!stall' },
  {
    what: 'a queue place too few',
    file: 'control/sf_start.sv',
    original: "held_d == HeldW'(QueueDepth - i)",
    mutated: "held_d == HeldW'(QueueDepth - 1 - i)",
  },
  {
    what: 'fetch wants a line more',
    file: 'control/sf_fetch.sv',
    original: "free_q >= FreeW'(BurstLines)",
    mutated: "free_q > FreeW'(BurstLines)",
  },
  {
    what: 'a token counter of 127',
    file: 'control/sf_token_counter.sv',
    original: 'there_q[i] && carries(count_q[i], give_i[i])',
    mutated: "there_q[i] && count_q[i] == CountW'(126)",
  },
  {
    what: 'the window a line too large',
    file: 'memory/sf_window.sv',
    original: "last < line_addr_t'(size_i)",
    mutated: "last <= line_addr_t'(size_i)",
  },
  {
    what: 'a ring that wraps a step late',
    file: 'dma/sf_run_bursts.sv',
    original: 'has_ring_q && !offset_wrapped[OffsetW]',
    mutated: "has_ring_q && !offset_wrapped[OffsetW] && offset_wrapped != '0",
  },
  {
    what: 'the last word of a run is lost',
    file: 'memory/sf_memory.sv',
    original: "({LineWords{1'b1}} << bus_cmd.tail << 1)",
    mutated: "({LineWords{1'b1}} << bus_cmd.tail)",
  },
  {
    what: 'an outstanding read too few',
    file: 'memory/sf_accept.sv',
    original: "count != EngineW'(Most - 1)",
    mutated: "count != EngineW'(Most - 2)",
  },
  {
    what: 'the result bus without rotation',
    file: 'system/sf_result_bus.sv',
    original: "ready != '0",
    mutated: "ready == '0",
  },
  { what: 'one burst buffer of the store', file: 'dma/sf_st.sv', original: "taken_q != 2'(BurstBuffers)", mutated: "taken_q == '0" },
  {
    what: 'a store burst behind one of a single line a cycle late',
    file: 'dma/sf_st.sv',
    original: 'begun_q ? next_valid : cut_valid',
    mutated: '!begun_q && cut_valid',
  },
  {
    what: 'a transfer counts as finished when its first port is',
    file: 'dma/sf_order.sv',
    original: "reached == '1",
    mutated: 'reached[0]',
  },
  {
    what: 'a counter counts bursts, not lines',
    file: 'system/sf_perf.sv',
    original: "counter_t'(perf_i.lines[e])",
    mutated: "counter_t'(1)",
  },
];

const SIMULATOR_MUTANTS: readonly Mutant[] = [
  {
    what: 'a queue place a cycle early',
    file: 'simulator/timing/queue.ts',
    original: 'const ROOM_LATENCY = 2;',
    mutated: 'const ROOM_LATENCY = 1;',
  },
  {
    what: 'a fetch line a cycle early',
    file: 'simulator/timing/fetch.ts',
    original: 'const FREE_LATENCY = 2;',
    mutated: 'const FREE_LATENCY = 1;',
  },
  { what: 'three burst buffers', file: 'simulator/timing/store.ts', original: 'const BUFFERS = 2;', mutated: 'const BUFFERS = 3;' },
  {
    what: 'ports by blocks of 256 bytes',
    file: 'simulator/timing/memory.ts',
    original: 'const BLOCK_LINES = 4;',
    mutated: 'const BLOCK_LINES = 8;',
  },
  {
    what: 'a short window not stretched',
    file: 'simulator/walker.ts',
    original: 'return Math.max(2, 8 / lanes);',
    mutated: 'return Math.max(1, 8 / lanes);',
  },
];

const MACHINE = parseMachine({ extends: 'xc7z045', name: 'mutants', computeUnits: 2 }, 'mutants');
const RANDOM_PROGRAMS = 25;
const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const FOLDER = path.join(ROOT, 'out', 'mutants');

function substitute(file: string, original: string, replacement: string): void {
  const text = readFileSync(file, 'utf8');
  const parts = text.split(original);
  if (parts.length !== 2) throw new Error(`${file}: '${original}' is there ${parts.length - 1} times, expected once`);
  writeFileSync(file, parts.join(replacement));
}

/** A copy of the RTL with all mutants in it. */
function prepareRtl(): string {
  const rtl = path.join(FOLDER, 'rtl');
  rmSync(rtl, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  cpSync(path.join(ROOT, 'hardware', 'rtl'), rtl, { recursive: true });
  writeFileSync(
    path.join(rtl, 'cu', 'sf_a_mutant_pkg.sv'),
    'package sf_a_mutant_pkg;\n  int unsigned Mutant /*verilator public_flat_rw*/;\nendpackage\n',
  );
  for (const [i, { file, original, mutated }] of RTL_MUTANTS.entries()) {
    // A substitution in a mutated place would find the original twice.
    substitute(path.join(rtl, file), original, `(sf_a_mutant_pkg::Mutant == ${i + 1} ? (${mutated}) : (${original}))`);
  }
  substitute(
    path.join(rtl, 'system', 'sf_top.sv'),
    'endmodule',
    '  initial if ($value$plusargs("mutant=%d", sf_a_mutant_pkg::Mutant) == 0) sf_a_mutant_pkg::Mutant = 0;\nendmodule',
  );
  return rtl;
}

/** What all mutants are tried on; programs that the simulator itself refuses are findings. */
function* expectedRuns(): Generator<{ readonly name: string; readonly run: ExpectedRun }> {
  for (const { name, program } of directedPrograms(MACHINE)) yield { name, run: expectRun(program, { checks: 'bounds' }) };
  for (let seed = 1; seed <= RANDOM_PROGRAMS; seed++)
    yield { name: `random program ${seed}`, run: expectRun(randomProgram({ seed, machine: MACHINE })) };
}

/** The check that tells a model from the simulator, and its first difference; undefined when all is equal. */
function findDifference(
  model: string,
  runs: Iterable<{ readonly name: string; readonly run: ExpectedRun }>,
  plusArgs: readonly string[],
): string | undefined {
  for (const { name, run } of runs) {
    const rtl = runRtl(model, run.program, run.image, { limit: 4 * run.timing.cycles + 5000, watchdog: 3000, plusArgs });
    const [first] = compareRun(run, rtl);
    if (first !== undefined) return `${name}: ${first.text}`;
  }
  for (const fault of directedFaults(MACHINE).filter(({ name }) => /tokens$|ST over its end/.test(name))) {
    const [first] = runFault(model, { ...fault, options: { ...fault.options, plusArgs } }).findings;
    if (first !== undefined) return `fault '${fault.name}': ${first}`;
  }
  return undefined;
}

/** The first difference that the simulator of a copy with one mutant has to the RTL. */
function checkCopy(mutant: Mutant, model: string): string | undefined {
  const copy = path.join(FOLDER, 'copy');
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  for (const name of ['src', 'models', 'test', 'scripts', 'hardware', 'package.json'])
    cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  substitute(path.join(copy, 'src', mutant.file), mutant.original, mutant.mutated);
  const tsx = path.join(ROOT, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const run = spawnSync(process.execPath, [tsx, path.join(copy, 'hardware', 'lockstep', 'mutants.ts'), '--check', model], {
    encoding: 'utf8',
  });
  if (run.status === 0) return undefined;
  if (run.status !== 3) throw new Error(`the check of '${mutant.what}' failed:\n${run.stderr}`);
  return run.stdout.trim();
}

function main(): void {
  if (process.argv[2] === '--check') {
    const difference = findDifference(process.argv[3], expectedRuns(), []);
    if (difference === undefined) return;
    process.stdout.write(`${difference}\n`);
    process.exitCode = 3;
    return;
  }
  const model = buildModel(MACHINE, { quick: true, rtlFolder: prepareRtl() });
  const runs = [...expectedRuns()];
  const right = findDifference(model, runs, []);
  if (right !== undefined) throw new Error(`without a mutant the RTL differs: ${right}`);
  let missed = 0;
  const show = (where: string, { what }: Mutant, caught: string | undefined): void => {
    if (caught === undefined) missed++;
    process.stdout.write(`${where}: ${what}: ${caught === undefined ? 'NOT CAUGHT' : `caught by ${caught}`}\n`);
  };
  for (const [i, mutant] of RTL_MUTANTS.entries()) show(`rtl ${mutant.file}`, mutant, findDifference(model, runs, [`+mutant=${i + 1}`]));
  for (const mutant of SIMULATOR_MUTANTS) show(`src ${mutant.file}`, mutant, checkCopy(mutant, model));
  const count = RTL_MUTANTS.length + SIMULATOR_MUTANTS.length;
  process.stdout.write(`${count - missed} of ${count} mutants caught\n`);
  if (missed > 0) process.exitCode = 1;
}

main();
