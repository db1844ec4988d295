/** The table of docs/results/resources.md and the checks against the limits. */
import type { Timing } from './timing.ts';
import { DEVICE, LIMITS } from './units.ts';

interface Resources {
  readonly dsp: number;
  readonly ramb36: number;
  readonly ramb18: number;
  readonly lut: number;
  /** Pairs of LUTs that share a site, sites that only pass a signal to a carry chain, sites in all (sites.ts). */
  readonly pairs: number;
  readonly passed: number;
  readonly sites: number;
  /** Of the LUTs, as memory or shift register. */
  readonly lutRam: number;
  readonly ff: number;
  readonly carry4: number;
}

export interface UnitRow extends Resources {
  readonly id: string;
  /** Path of one instance. */
  readonly example: string;
  readonly instances: number;
  readonly latches: number;
  /** Multiplications that belong into a DSP48E1. */
  readonly multiplications: number;
  /** Bits of memories that belong into block RAM. */
  readonly blockRamBits: number;
  readonly deepMemories: readonly string[];
  readonly timing: Timing;
}

interface Total extends Resources {
  /** RAMB36 and pairs of RAMB18. */
  readonly blockRam: number;
}

function addUp(rows: readonly UnitRow[]): Total {
  const sum = (pick: (row: UnitRow) => number): number => rows.reduce((total, row) => total + pick(row) * row.instances, 0);
  const [ramb36, ramb18] = [sum((row) => row.ramb36), sum((row) => row.ramb18)];
  return {
    dsp: sum((row) => row.dsp),
    ramb36,
    ramb18,
    lut: sum((row) => row.lut),
    pairs: sum((row) => row.pairs),
    passed: sum((row) => row.passed),
    sites: sum((row) => row.sites),
    lutRam: sum((row) => row.lutRam),
    ff: sum((row) => row.ff),
    carry4: sum((row) => row.carry4),
    blockRam: ramb36 + Math.ceil(ramb18 / 2),
  };
}

/** What breaks a limit, a sentence each. */
export function findFaults(rows: readonly UnitRow[]): string[] {
  const faults: string[] = [];
  for (const row of rows) {
    if (row.multiplications > row.dsp) faults.push(`${row.id}: ${row.multiplications} multipliers, ${row.dsp} DSP48E1`);
    const bits = row.ramb36 * 36_864 + row.ramb18 * 18_432;
    if (row.blockRamBits > bits) faults.push(`${row.id}: ${row.deepMemories.join(', ')} not (all) in block RAM`);
    if (row.timing.longestPs > LIMITS.delayPs) {
      faults.push(
        `${row.id}: ${ns(row.timing.longestPs)} ns of logic from ${row.timing.from} to ${row.timing.to}: ${row.timing.path.join(' ')}`,
      );
    }
    if (row.latches > 0) faults.push(`${row.id}: ${row.latches} latches`);
  }
  const total = addUp(rows);
  const limits: [string, number, number][] = [
    ['DSP48E1', total.dsp, LIMITS.dsp],
    ['block RAMs (RAMB36)', total.blockRam, LIMITS.ramb36],
    ['LUT sites', total.sites, LIMITS.lut],
    ['flip-flops', total.ff, LIMITS.ff],
  ];
  for (const [name, used, limit] of limits) if (used > limit) faults.push(`${used} ${name}, the limit is ${limit}`);
  return faults;
}

const ns = (ps: number): string => (ps / 1000).toFixed(2);
const percent = (used: number, of: number): string => `${((100 * used) / of).toFixed(1)} %`;
/** What a reader needs of a path's end: the last two levels of the name. */
const short = (name: string): string => name.replace(/ \((FD\w+|LUT\w+)[^)]*\)$/, '').replaceAll('|', '/');

/** The whole document. */
export function renderReport(rows: readonly UnitRow[], yosysVersion: string, failures: readonly string[]): string {
  const total = addUp(rows);
  const lines = [
    '# Resources of the default machine',
    '',
    'Written by `npm run synth` (hardware/README.md); not edited by hand. Every unit is synthesized once for xc7 and multiplied by its instances.',
    '**Nothing was placed or routed.** Delays are logic only (clock to output, LUTs, carry chains, set-up) with the figures of Yosys for the slowest',
    '7-series fabric (Artix-7): a check against long paths, no statement about a clock frequency. Routing usually takes as long again.',
    '',
    'Flip-flops that only register the output of a block RAM are counted as that RAM’s own output register (hardware/synth/block-ram.ts).',
    '',
    'A LUT site of the chip holds one function of six inputs, or two of at most five different inputs together; the device’s number counts sites. Yosys',
    'leaves the pairing to the packer that follows, so the sites here are an **estimate** of what a packer does, not a result of one (hardware/synth/sites.ts):',
    'LUTs are paired only within a unit, only with two or more inputs in common and five at most together, and only where neither drives a carry chain or a',
    'MUXF7/F8; memories and shift registers are not paired; and a carry chain’s select input without a LUT of its own adds the site through which it must come.',
    'The limit is for sites; LUTs counted one by one stand beside them.',
    '',
    `Tools: slang in @yowasp/yosys 0.70 as front end, ${yosysVersion.replace(/ \(.*/, '')} \`synth_xilinx -family xc7 -abc9\`.`,
    '',
    `## Total against the ${DEVICE.name}`,
    '',
    '| | used | of the device | | target | |',
    '|---|---:|---:|---:|---|---|',
  ];
  const verdict = (ok: boolean): string => (ok ? 'met' : '**missed**');
  const against = (name: string, used: number, of: number, target: string, ok: boolean): void => {
    lines.push(`| ${name} | ${used} | ${of} | ${percent(used, of)} | ${target} | ${verdict(ok)} |`);
  };
  against('DSP48E1', total.dsp, DEVICE.dsp, `at most ${LIMITS.dsp} (256 MACs + 24)`, total.dsp <= LIMITS.dsp);
  against(
    `RAMB36 (${total.ramb36} + ${total.ramb18} RAMB18 / 2)`,
    total.blockRam,
    DEVICE.ramb36,
    `at most ${LIMITS.ramb36}`,
    total.blockRam <= LIMITS.ramb36,
  );
  lines.push(`| LUT, one by one (${total.lutRam} as memory) | ${total.lut} | | | | |`);
  against(
    `LUT sites (${total.lut} − ${total.pairs} pairs + ${total.passed} passed through)`,
    total.sites,
    DEVICE.lut,
    'at most 30 %',
    total.sites <= LIMITS.lut,
  );
  against('flip-flops', total.ff, DEVICE.ff, 'at most 25 %', total.ff <= LIMITS.ff);
  const slowest = rows.reduce((worst, row) => (row.timing.longestPs > worst.timing.longestPs ? row : worst), rows[0]);
  if (slowest !== undefined) {
    const target = `at most ${ns(LIMITS.delayPs)} ns`;
    lines.push(
      `| longest logic path | ${ns(slowest.timing.longestPs)} ns | | | ${target} | ${verdict(slowest.timing.longestPs <= LIMITS.delayPs)} |`,
    );
  }
  lines.push(`| CARRY4 | ${total.carry4} | ${DEVICE.lut / 4} | ${percent(total.carry4, DEVICE.lut / 4)} | | |`, '');
  lines.push(
    '## By unit',
    '',
    'Figures of one instance, without the units inside it. Small modules are flattened into the unit that holds them.',
    '',
  );
  lines.push(
    '| unit | instances | DSP48E1 | RAMB36 | RAMB18 | LUT | of it memory | LUT sites | FF | CARRY4 | LUT in all | sites in all |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
  );
  for (const row of rows) {
    const counts = [row.dsp, row.ramb36, row.ramb18, row.lut, row.lutRam, row.sites, row.ff, row.carry4];
    const cells = [row.instances, ...counts, row.lut * row.instances, row.sites * row.instances];
    lines.push(`| \`${row.id}\` | ${cells.join(' | ')} |`);
  }
  const doubles = rows.filter((row) => /__\d+$/.test(row.id));
  if (doubles.length > 0) {
    lines.push(
      '',
      `Variants of one module by their parameters: ${doubles.map((row) => `\`${row.id}\` is \`${row.example}\``).join(', ')}.`,
    );
  }
  lines.push('', '## Longest logic path by unit', '', 'Paths that cross units are counted whole in the unit that contains both ends.', '');
  lines.push('| unit | ns | from | to | cells |', '|---|---:|---|---|---|');
  for (const row of [...rows].sort((a, b) => b.timing.longestPs - a.timing.longestPs)) {
    const { longestPs, from, to, path } = row.timing;
    lines.push(`| \`${row.id}\` | ${ns(longestPs)} | ${short(from)} | ${short(to)} | ${compress(path)} |`);
  }
  if (failures.length > 0) lines.push('', '## Missed', '', ...failures.map((failure) => `* ${failure}`));
  return `${lines.join('\n')}\n`;
}

/** LUT5 CARRY4 CARRY4 → LUT5, 2 CARRY4. */
function compress(path: readonly string[]): string {
  const groups: [string, number][] = [];
  for (const cell of path) {
    const name = cell.replaceAll('|', '/');
    const last = groups.at(-1);
    if (last !== undefined && last[0] === name) last[1]++;
    else groups.push([name, 1]);
  }
  return groups.map(([name, count]) => (count > 1 ? `${count} ${name}` : name)).join(', ');
}
