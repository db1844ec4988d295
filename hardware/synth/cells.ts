/**
 * Delays of 7-series cells in picoseconds, as Yosys keeps them in its xilinx/cells_sim.v (measured for Artix-7, slow corner; the fabric of the
 * XC7Z045 is faster). A cell *launches* at its registered outputs, *captures* at inputs (setup), and has *arcs* through it.
 */

/** A pin: port and bit. */
export type Pin = readonly [port: string, bit: number];

export interface CellTiming {
  readonly launches: readonly (readonly [Pin, number])[];
  readonly captures: readonly (readonly [Pin, number])[];
  readonly arcs: readonly (readonly [from: Pin, to: Pin, delay: number])[];
}

export interface Cell {
  readonly type: string;
  readonly port_directions?: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
  readonly connections: Readonly<Record<string, readonly (number | string)[]>>;
}

const LUT_INPUTS = [642, 631, 472, 407, 238, 127];
/** Address bit 0 to 5 of a distributed RAM to its output. */
const RAM_ADDRESS = LUT_INPUTS;
const RAM_LAUNCH = 1153;
const RAM_DATA_SETUP = 453;
const RAM_ENABLE_SETUP = 654;
const RAM_ADDRESS_SETUP = 362;

/** CARRY4: rows CYINIT, DI0..3, S0..3, CI; columns O0..3, CO0..3; 0: no arc. */
const CARRY: Readonly<Record<string, readonly (readonly number[])[]>> = {
  CYINIT: [[482, 598, 584, 642, 536, 494, 592, 580]],
  DI: [
    [0, 407, 556, 615, 379, 465, 540, 526],
    [0, 0, 537, 596, 0, 445, 520, 507],
    [0, 0, 0, 438, 0, 0, 356, 398],
    [0, 0, 0, 0, 0, 0, 0, 385],
  ],
  S: [
    [223, 400, 523, 582, 340, 433, 512, 508],
    [0, 205, 558, 618, 0, 469, 548, 528],
    [0, 0, 226, 330, 0, 0, 292, 378],
    [0, 0, 0, 227, 0, 0, 0, 380],
  ],
  CI: [[222, 334, 239, 313, 271, 157, 228, 114]],
};

const bits = (cell: Cell, port: string): number => cell.connections[port]?.length ?? 0;
const each = (cell: Cell, ports: readonly string[], delay: number): [Pin, number][] =>
  ports.flatMap((port) => Array.from({ length: bits(cell, port) }, (_, bit): [Pin, number] => [[port, bit], delay]));
const parameter = (cell: Cell, name: string): number => Number.parseInt(cell.parameters[name] ?? '0', 2) || 0;

function lut(cell: Cell, inputs: number): CellTiming {
  const arcs = Array.from({ length: inputs }, (_, i): [Pin, Pin, number] => [[`I${i}`, 0], ['O', 0], LUT_INPUTS[6 - inputs + i]]);
  // LUT2 to LUT6 have their slow inputs first, the fastest last.
  return { launches: [], captures: [], arcs: cell.type === 'LUT1' ? [[['I0', 0], ['O', 0], 127]] : arcs };
}

function carry(): CellTiming {
  const arcs: [Pin, Pin, number][] = [];
  for (const [port, rows] of Object.entries(CARRY)) {
    for (const [bit, row] of rows.entries()) {
      for (const [column, delay] of row.entries()) {
        if (delay > 0) arcs.push([[port, bit], [column < 4 ? 'O' : 'CO', column % 4], delay]);
      }
    }
  }
  return { launches: [], captures: [], arcs };
}

function flipFlop(cell: Cell): CellTiming {
  return {
    launches: [[['Q', 0], 303]],
    captures: [...each(cell, ['D'], 0), ...each(cell, ['CE'], 109), ...each(cell, ['R', 'S', 'CLR', 'PRE'], 404)],
    arcs: [],
  };
}

/** Distributed RAM: asynchronous reads. Output ports with the port of their address. */
function distributedRam(cell: Cell, reads: Readonly<Record<string, string>>, writeAddress: string): CellTiming {
  const arcs: [Pin, Pin, number][] = [];
  for (const [output, address] of Object.entries(reads)) {
    const pins = addressPins(cell, address);
    for (let out = 0; out < bits(cell, output); out++) {
      for (const [i, pin] of pins.entries()) arcs.push([pin, [output, out], i < 6 ? RAM_ADDRESS[i] + (pins.length > 6 ? 397 : 0) : 470]);
    }
  }
  const data = ['D', 'DIA', 'DIB', 'DIC', 'DID'];
  return {
    launches: each(cell, Object.keys(reads), RAM_LAUNCH),
    captures: [
      ...each(cell, data, RAM_DATA_SETUP),
      ...each(cell, ['WE'], RAM_ENABLE_SETUP),
      ...addressPins(cell, writeAddress).map((pin): [Pin, number] => [pin, RAM_ADDRESS_SETUP]),
    ],
    arcs,
  };
}

/** A bus, or single pins with a number behind the name. */
function addressPins(cell: Cell, port: string): Pin[] {
  if (bits(cell, port) > 0) return Array.from({ length: bits(cell, port) }, (_, bit): Pin => [port, bit]);
  const pins: Pin[] = [];
  for (let i = 0; bits(cell, `${port}${i}`) > 0; i++) pins.push([`${port}${i}`, 0]);
  return pins;
}

function shiftRegister(cell: Cell): CellTiming {
  const pins = addressPins(cell, 'A');
  return {
    launches: [...each(cell, ['Q'], 1472), ...each(cell, ['Q31'], 1114)],
    captures: [...each(cell, ['D'], 173), ...each(cell, ['CE'], 109)],
    arcs: pins.map((pin, i): [Pin, Pin, number] => [pin, ['Q', 0], RAM_ADDRESS[i + 6 - pins.length - 1] ?? 642]),
  };
}

function blockRam(cell: Cell): CellTiming {
  const launch = (register: string): number => (parameter(cell, register) === 1 ? 882 : 2454);
  return {
    launches: [...each(cell, ['DOADO', 'DOPADOP'], launch('DOA_REG')), ...each(cell, ['DOBDO', 'DOPBDOP'], launch('DOB_REG'))],
    captures: [
      ...each(cell, ['ADDRARDADDR', 'ADDRBWRADDR'], 566),
      ...each(cell, ['WEA', 'WEBWE', 'ENARDEN', 'ENBWREN'], 532),
      ...each(cell, ['DIADI', 'DIBDI', 'DIPADIP', 'DIPBDIP'], 737),
      ...each(cell, ['REGCEAREGCE', 'REGCEB', 'RSTREGARSTREG', 'RSTREGB', 'RSTRAMARSTRAM', 'RSTRAMB'], 360),
    ],
    arcs: [],
  };
}

/** DSP48E1 with multiplier or adder; registers as its parameters say. Without P register it has arcs; they start at the last stage that has none. */
function dsp(cell: Cell): CellTiming {
  const [a, b, c, d, ad, m, p] = ['AREG', 'BREG', 'CREG', 'DREG', 'ADREG', 'MREG', 'PREG'].map((name) => parameter(cell, name) > 0);
  const preAdder = cell.parameters.USE_DPORT === 'TRUE';
  const toRegister = (registered: boolean, own: number, toM: number, toP: number): number => (registered ? own : m ? toM : p ? toP : 0);
  const captures = [
    ...each(cell, ['A'], preAdder && !a ? (ad ? 1283 : m ? 2400 : p ? 3723 : 0) : toRegister(a, 254, 1416, 2739)),
    ...each(cell, ['D'], preAdder ? (d ? 248 : ad ? 1195 : m ? 2310 : p ? 3635 : 0) : 0),
    ...each(cell, ['B'], toRegister(b, 324, 1285, 2608)),
    ...each(cell, ['C'], c ? 168 : p ? 1244 : 0),
    ...each(cell, ['OPMODE', 'ALUMODE', 'INMODE', 'CARRYIN'], 400),
    ...each(
      cell,
      ['CEA1', 'CEA2', 'CEB1', 'CEB2', 'CEC', 'CED', 'CEAD', 'CEM', 'CEP', 'RSTA', 'RSTB', 'RSTC', 'RSTD', 'RSTM', 'RSTP'],
      404,
    ),
  ].filter(([, delay]) => delay > 0);
  const arcs: [Pin, Pin, number][] = [];
  if (!p) {
    for (let out = 0; out < bits(cell, 'P'); out++) {
      if (!a && !m) for (let i = 0; i < bits(cell, 'A'); i++) arcs.push([['A', i], ['P', out], 2823]);
      if (!b && !m) for (let i = 0; i < bits(cell, 'B'); i++) arcs.push([['B', i], ['P', out], 2690]);
      if (!c) for (let i = 0; i < bits(cell, 'C'); i++) arcs.push([['C', i], ['P', out], 1325]);
    }
  }
  return { launches: each(cell, ['P'], p ? 329 : m ? 1671 : a ? 2952 : c ? 1687 : 0).filter(([, delay]) => delay > 0), captures, arcs };
}

/** Timing of a cell of the library; undefined: not a cell that has any (or not one of the library). */
export function timingOf(cell: Cell): CellTiming | undefined {
  const type = cell.type;
  if (/^LUT[1-6]$/.test(type)) return lut(cell, Number(type[3]));
  switch (type) {
    case 'INV':
      return { launches: [], captures: [], arcs: [[['I', 0], ['O', 0], 127]] };
    case 'CARRY4':
      return carry();
    case 'MUXF7':
      return {
        launches: [],
        captures: [],
        arcs: [
          [['I0', 0], ['O', 0], 217],
          [['I1', 0], ['O', 0], 223],
          [['S', 0], ['O', 0], 296],
        ],
      };
    case 'MUXF8':
      return {
        launches: [],
        captures: [],
        arcs: [
          [['I0', 0], ['O', 0], 104],
          [['I1', 0], ['O', 0], 94],
          [['S', 0], ['O', 0], 273],
        ],
      };
    case 'FDRE':
    case 'FDSE':
    case 'FDCE':
    case 'FDPE':
      return flipFlop(cell);
    case 'RAM32M':
    case 'RAM64M':
      return distributedRam(cell, { DOA: 'ADDRA', DOB: 'ADDRB', DOC: 'ADDRC', DOD: 'ADDRD' }, 'ADDRD');
    case 'RAM32X1D':
    case 'RAM64X1D':
    case 'RAM128X1D':
      return distributedRam(cell, { SPO: 'A', DPO: 'DPRA' }, 'A');
    case 'SRL16E':
    case 'SRLC32E':
      return shiftRegister(cell);
    case 'RAMB18E1':
    case 'RAMB36E1':
      return blockRam(cell);
    case 'DSP48E1':
      return dsp(cell);
    default:
      return undefined;
  }
}

/** LUTs that a cell of the library occupies. */
export function lutsOf(type: string): number {
  if (/^LUT[1-6]$/.test(type)) return 1;
  // An inverter is absorbed into the LUT or register it feeds; counted all the same.
  return { INV: 1, RAM32M: 4, RAM64M: 4, RAM32X1D: 2, RAM64X1D: 2, RAM128X1D: 4, SRL16E: 1, SRLC32E: 1 }[type] ?? 0;
}
