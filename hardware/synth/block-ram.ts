/**
 * Output registers of block RAMs. Debian's Yosys leaves them in the fabric; the RAM has them built in (DOA_REG, DOB_REG), and every back end
 * moves them there. A port's flip-flops are taken in when each output bit in use drives exactly one flip-flop's data input and nothing else,
 * and these flip-flops share clock and enable and have no set or reset: exactly what the built-in register can do.
 */
import type { Cell } from './cells.ts';
import type { Netlist } from './timing.ts';

const PORTS = [
  { outputs: ['DOADO', 'DOPADOP'], parameter: 'DOA_REG' },
  { outputs: ['DOBDO', 'DOPBDOP'], parameter: 'DOB_REG' },
] as const;

/** The netlist with these registers inside the RAMs. */
export function absorbOutputRegisters(netlist: Netlist): Netlist {
  const rams = Object.entries(netlist.cells).filter(([, cell]) => /^RAMB(18|36)E1$/.test(cell.type));
  if (rams.length === 0) return netlist;
  const readers = countReaders(netlist);
  const byData = new Map<number, string>();
  for (const [name, cell] of Object.entries(netlist.cells)) {
    const data = cell.connections.D?.[0];
    if (cell.type === 'FDRE' && typeof data === 'number') byData.set(data, name);
  }
  const cells: Record<string, Cell> = { ...netlist.cells };
  for (const [name, ram] of rams) {
    let moved: Cell = ram;
    for (const { outputs, parameter } of PORTS) {
      if (Number.parseInt(ram.parameters[parameter] ?? '0', 2) !== 0) continue;
      const bits = outputs.flatMap((port) => (ram.connections[port] ?? []).map((bit, index) => ({ port, index, bit })));
      const used = bits.filter(({ bit }) => typeof bit === 'number' && (readers.get(bit) ?? 0) > 0);
      const registers = used.map(({ bit }) => (readers.get(bit as number) === 1 ? byData.get(bit as number) : undefined));
      if (used.length === 0 || registers.some((register) => register === undefined)) continue;
      const flipFlops = registers.map((register) => netlist.cells[register as string]);
      const control = (cell: Cell): string => `${cell.connections.C} ${cell.connections.CE}`;
      if (flipFlops.some((cell) => control(cell) !== control(flipFlops[0]) || cell.connections.R?.[0] !== '0')) continue;
      const connections: Record<string, readonly (number | string)[]> = { ...moved.connections };
      for (const [i, { port, index }] of used.entries()) {
        const list = [...connections[port]];
        list[index] = flipFlops[i].connections.Q[0];
        connections[port] = list;
        delete cells[registers[i] as string];
      }
      moved = { ...moved, parameters: { ...moved.parameters, [parameter]: '1' }, connections };
    }
    cells[name] = moved;
  }
  return { ...netlist, cells };
}

/** Pins and module outputs that read each net. */
function countReaders(netlist: Netlist): Map<number, number> {
  const readers = new Map<number, number>();
  const add = (bit: number | string): void => {
    if (typeof bit === 'number') readers.set(bit, (readers.get(bit) ?? 0) + 1);
  };
  for (const cell of Object.values(netlist.cells)) {
    for (const [port, bits] of Object.entries(cell.connections)) {
      if (cell.port_directions?.[port] !== 'output') bits.forEach(add);
    }
  }
  for (const { direction, bits } of Object.values(netlist.ports)) if (direction !== 'input') bits.forEach(add);
  return readers;
}
