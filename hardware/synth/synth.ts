/**
 * Synthesizes every unit of the default machine once for xc7, multiplies by the instances in the hierarchy, times the whole, and writes
 * docs/results/resources.md. Fails when a limit is passed, a multiplier misses its DSP48E1 or a memory its block RAM.
 * Usage: npm run synth [-- --top <module>] [--path <unit>] [--ports <unit>] [--no-write]. Documentation: hardware/README.md.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { rtlSources } from '../../src/runtime/rtl-model.ts';
import { InputError } from '../../src/util/errors.ts';
import { lutsOf } from './cells.ts';
import { HARDWARE, ROOT, readCommand, runFrontEnd } from './front-end.ts';
import { findFaults, renderReport, type UnitRow } from './report.ts';
import { countSites } from './sites.ts';
import { gatherUnit, synthesizeUnit, type Unit, type UnitResult } from './synthesize-unit.ts';
import { type Abstract, timeDesign } from './timing.ts';
import { BLOCK_RAM_ROWS, FLATTENED } from './units.ts';
import { countInstances, type Design, readDesigns } from './verilog.ts';

const CACHE = path.join(ROOT, 'out/synth');

function yosysVersion(): string {
  try {
    return execFileSync('yosys', ['-V'], { encoding: 'utf8' }).trim();
  } catch {
    throw new InputError("Yosys is not installed: 'apt-get install yosys'");
  }
}

/**
 * Bits of one enable become one signal again: without this every bit of a memory is written in a statement of its own, and Yosys takes minutes.
 */
const TIDY = 'opt_expr; opt_merge; opt_reduce -full; opt_expr; bwmuxmap; opt_clean';

async function elaborate(top: string): Promise<Design[]> {
  mkdirSync(CACHE, { recursive: true });
  const files = [path.join(HARDWARE, 'rtl/generated/sf_pkg.sv'), ...rtlSources()];
  const script = `${readCommand(top, files)}; ${TIDY}; write_verilog -noattr top.v`;
  const hash = createHash('sha256').update(script);
  for (const file of files) hash.update(readFileSync(file));
  const output = path.join(CACHE, `${top}-${hash.digest('hex').slice(0, 16)}.v`);
  if (!existsSync(output)) {
    const run = await runFrontEnd(script, files, { 'top.v': output });
    if (!run.ok) throw new InputError(`slang could not elaborate ${top}:\n${run.log}`);
  }
  return readDesigns(readFileSync(output, 'utf8'), top);
}

function measure(unit: Unit, result: UnitResult, instances: number): Omit<UnitRow, 'timing'> {
  const count: Record<string, number> = {};
  let luts = 0;
  for (const cell of Object.values(result.netlist.cells)) {
    count[cell.type] = (count[cell.type] ?? 0) + 1;
    luts += lutsOf(cell.type);
  }
  const sum = (...types: string[]): number => types.reduce((total, type) => total + (count[type] ?? 0), 0);
  const deep = result.memories.filter((memory) => memory.rows >= BLOCK_RAM_ROWS);
  return {
    id: unit.design.id,
    example: unit.design.example,
    instances,
    dsp: sum('DSP48E1'),
    ramb36: sum('RAMB36E1'),
    ramb18: sum('RAMB18E1'),
    lut: luts,
    ...countSites(result.netlist),
    lutRam: ['RAM32M', 'RAM64M', 'RAM32X1D', 'RAM64X1D', 'RAM128X1D', 'SRL16E', 'SRLC32E'].reduce(
      (total, type) => total + (count[type] ?? 0) * lutsOf(type),
      0,
    ),
    ff: sum('FDRE', 'FDSE', 'FDCE', 'FDPE'),
    carry4: sum('CARRY4'),
    latches: sum('LDCE', 'LDPE'),
    multiplications: result.multiplications,
    blockRamBits: deep.reduce((total, memory) => total + memory.rows * memory.width, 0),
    deepMemories: deep.map((memory) => `${memory.name} ${memory.rows} x ${memory.width}`),
  };
}

/** How long paths go on behind each input port of a unit and when its outputs leave, picoseconds, the slowest bit of each. */
function describePorts({ launches, captures }: Abstract): string {
  const slowest = (pins: ReadonlyMap<string, number>): string => {
    const ports = new Map<string, readonly [pin: string, delay: number]>();
    for (const [pin, delay] of pins) {
      const port = pin.replace(/\[\d+\]$/, '');
      if (delay > (ports.get(port)?.[1] ?? -1)) ports.set(port, [pin, delay]);
    }
    const sorted = [...ports.values()].sort((x, y) => y[1] - x[1]);
    return sorted.map(([pin, delay]) => `  ${delay} ${pin}\n`).join('');
  };
  return `inputs\n${slowest(captures)}outputs\n${slowest(launches)}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      top: { type: 'string', default: 'sf_top' },
      path: { type: 'string' },
      ports: { type: 'string', multiple: true },
      'no-write': { type: 'boolean', default: false },
    },
  });
  const version = yosysVersion();
  const designs = await elaborate(values.top);
  const byId = new Map(designs.map((design) => [design.id, design]));
  const counts = countInstances(designs, values.top);
  const units = designs
    .filter((design) => !FLATTENED.has(design.module) || design.module === values.top)
    .map((design) => gatherUnit(design, byId));

  const results = new Map<string, UnitResult>();
  const failures: string[] = [];
  for (const [index, unit] of units.entries()) {
    const { id } = unit.design;
    process.stderr.write(`[${index + 1}/${units.length}] ${id} `);
    const start = Date.now();
    try {
      results.set(id, await synthesizeUnit(unit, version, CACHE));
      process.stderr.write(`${((Date.now() - start) / 1000).toFixed(1)} s\n`);
    } catch (error) {
      failures.push(`${id}: ${(error as Error).message}`);
      process.stderr.write(`failed: ${(error as Error).message}\n`);
    }
  }

  // Children before parents.
  const abstracts = new Map<string, Abstract>();
  const rows: UnitRow[] = [];
  const visit = (unit: Unit): void => {
    const { id } = unit.design;
    const result = results.get(id);
    if (abstracts.has(id) || result === undefined) return;
    for (const child of unit.children) visit(units.find((other) => other.design === child) as Unit);
    const timing = timeDesign(result.netlist, abstracts, id !== values.top);
    abstracts.set(id, timing.abstract);
    if (values.path === id) process.stderr.write(`${timing.longestPs} ps: ${timing.from}\n  ${timing.path.join('\n  ')}\n${timing.to}\n`);
    if (values.ports?.includes(id)) process.stderr.write(`${id}\n${describePorts(timing.abstract)}`);
    rows.push({ ...measure(unit, result, counts.get(id) ?? 0), timing });
  };
  for (const unit of units) visit(unit);
  rows.sort((a, b) => units.findIndex((unit) => unit.design.id === a.id) - units.findIndex((unit) => unit.design.id === b.id));

  failures.push(...findFaults(rows));
  const report = renderReport(rows, version, failures);
  process.stdout.write(report);
  if (!values['no-write'] && values.top === 'sf_top') {
    mkdirSync(path.join(ROOT, 'docs/results'), { recursive: true });
    writeFileSync(path.join(ROOT, 'docs/results/resources.md'), report);
  }
  for (const failure of failures) process.stderr.write(`FAILED ${failure}\n`);
  if (failures.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof InputError ? error.message : error}\n`);
  process.exitCode = error instanceof InputError ? 2 : 1;
});
