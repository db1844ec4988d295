/** Synthesizes one unit for xc7 with Debian's Yosys in a process of its own; the result is kept by the hash of everything it depends on. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { absorbOutputRegisters } from './block-ram.ts';
import type { Netlist } from './timing.ts';
import { DSP_OPERAND_BITS, FLATTENED, UNIT_TIMEOUT_MS } from './units.ts';
import { countMultiplications, type Design, findMemories, fingerprint, type Memory } from './verilog.ts';

export interface Unit {
  readonly design: Design;
  /** Itself and what is flattened into it, with multiplicity. */
  readonly parts: readonly Design[];
  /** Units inside: they stay black boxes. */
  readonly children: readonly Design[];
}

export interface UnitResult {
  readonly netlist: Netlist;
  /** Multiplications that belong into a DSP48E1. */
  readonly multiplications: number;
  readonly memories: readonly Memory[];
}

/** The unit of a design: follows flattened instances down to the next units. */
export function gatherUnit(design: Design, byId: ReadonlyMap<string, Design>): Unit {
  const parts: Design[] = [design];
  const children = new Map<string, Design>();
  const visit = (at: Design): void => {
    for (const instance of at.instances) {
      const child = byId.get(instance.design) as Design;
      if (FLATTENED.has(child.module)) {
        parts.push(child);
        visit(child);
      } else {
        children.set(child.id, child);
      }
    }
  };
  visit(design);
  return { design, parts, children: [...children.values()] };
}

const declare = (design: Design): string => {
  const header = design.text.slice(0, design.text.indexOf(';') + 1);
  const ports = design.text.match(/^ {2}(?:input|output|inout) .*;$/gm) ?? [];
  return `(* blackbox *)\n${header}\n${ports.join('\n')}\nendmodule\n`;
};

const script = (id: string, flow: string): string =>
  [
    'read_verilog unit.v',
    `hierarchy -top ${id}`,
    'proc; flatten; opt; wreduce; opt_clean',
    `tee -q -o multiplications select -count t:$mul r:A_WIDTH>=${DSP_OPERAND_BITS} %i r:B_WIDTH>=${DSP_OPERAND_BITS} %i`,
    flow.replaceAll('TOP', id),
    'opt_clean -purge',
    `json -o netlist.json ${id}`,
  ].join('\n');

/** What is asked of Yosys; part of the key of kept results. */
const XILINX = 'synth_xilinx -family xc7 -abc9 -flatten -noiopad -noclkbuf -top TOP';
/**
 * The mapping weighs a LUT of any size alike, one of seven or eight inputs as the two or four that it takes: LUTs are what is counted. Yosys' own
 * weights (3 for two to five inputs, 5 for six) make three LUTs out of what fits two.
 */
const FLOW = [
  `${XILINX} -run begin:map_luts`,
  'setattr -mod -set abc9_lut 1 =LUT1 =LUT2 =LUT3 =LUT4 =LUT5 =LUT6',
  'setattr -mod -set abc9_lut 2 =$__ABC9_LUT7',
  'setattr -mod -set abc9_lut 4 =$__ABC9_LUT8',
  `${XILINX} -run map_luts:`,
].join('\n');

/** @throws Error with the end of the log when Yosys fails or takes too long. */
export async function synthesizeUnit(unit: Unit, yosysVersion: string, cache: string): Promise<UnitResult> {
  const { design } = unit;
  const texts = [...new Set(unit.parts)].map((part) => part.text).join('\n');
  const verilog = `${texts}\n${unit.children.map(declare).join('\n')}`;
  const key = createHash('sha256')
    .update(`${yosysVersion}\n${script(design.id, FLOW)}\n${fingerprint(verilog)}`)
    .digest('hex');
  const folder = path.join(cache, `${design.id}-${key.slice(0, 16)}`);
  if (!existsSync(folder)) await run(design.id, verilog, folder, cache);
  const modules = (JSON.parse(readFileSync(path.join(folder, 'netlist.json'), 'utf8')) as { modules: Record<string, Netlist> }).modules;
  const counted = /(\d+) objects/.exec(readFileSync(path.join(folder, 'multiplications'), 'utf8'));
  const memories = unit.parts.flatMap((part) => findMemories(part.text));
  const multiplications = unit.parts.some((part) => countMultiplications(part.text) > 0) ? Number(counted?.[1] ?? 0) : 0;
  return { netlist: absorbOutputRegisters(modules[design.id]), multiplications, memories };
}

function run(id: string, verilog: string, folder: string, cache: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(path.join(cache, 'work-'));
  writeFileSync(path.join(work, 'unit.v'), verilog);
  writeFileSync(path.join(work, 'synth.ys'), script(id, FLOW));
  const options = { cwd: work, timeout: UNIT_TIMEOUT_MS, maxBuffer: 1 << 28 };
  return new Promise((resolve, reject) => {
    execFile('nice', ['-n', '5', 'yosys', '-q', '-l', 'log', '-s', 'synth.ys'], options, (error, _stdout, stderr) => {
      if (error !== null) {
        rmSync(work, { recursive: true, force: true });
        reject(new Error(error.killed === true ? `no result after ${UNIT_TIMEOUT_MS / 60_000} minutes` : describe(stderr)));
        return;
      }
      rmSync(folder, { recursive: true, force: true });
      renameSync(work, folder);
      resolve();
    });
  });
}

/** The errors of a log, without the warnings before them. */
const describe = (stderr: string): string =>
  stderr
    .slice(Math.max(0, stderr.indexOf('ERROR')))
    .trim()
    .slice(0, 600)
    .replaceAll('\n', ' ');
