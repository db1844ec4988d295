/**
 * Static timing of the synthesized hierarchy: logic delay only, no routing. A design is timed with its children as *abstracts* (when their outputs
 * leave, how long their inputs go on, what goes through), so that a path that crosses modules is seen whole in their common parent.
 */
import { type Cell, timingOf } from './cells.ts';

/** What write_json says of one module. */
export interface Netlist {
  readonly ports: Readonly<
    Record<string, { readonly direction: 'input' | 'output' | 'inout'; readonly bits: readonly (number | string)[] }>
  >;
  readonly cells: Readonly<Record<string, Cell>>;
  readonly netnames: Readonly<Record<string, { readonly bits: readonly (number | string)[] }>>;
}

type PinName = `${string}[${number}]`;
const pinName = (port: string, bit: number): PinName => `${port}[${bit}]`;

/** Timing of a design as its parent sees it, picoseconds by pin. */
export interface Abstract {
  readonly launches: ReadonlyMap<PinName, number>;
  readonly captures: ReadonlyMap<PinName, number>;
  readonly arcs: readonly (readonly [from: PinName, to: PinName, delay: number])[];
}

export interface Timing {
  readonly abstract: Abstract;
  /** Longest path that ends in this design, children included (their inputs), picoseconds; paths from the design's inputs start at 0. */
  readonly longestPs: number;
  readonly from: string;
  readonly to: string;
  /** Cells on it, in order. */
  readonly path: readonly string[];
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly delay: number;
  readonly through: string;
}

/** @param children abstracts by design id. @param internalOnly leave out paths from inputs (their parent sees them whole). */
export function timeDesign(netlist: Netlist, children: ReadonlyMap<string, Abstract>, internalOnly: boolean): Timing {
  const edges: Edge[] = [];
  const outgoing = new Map<number, Edge[]>();
  const launches: { bit: number; delay: number; what: string }[] = [];
  const captures: { bit: number; delay: number; what: string }[] = [];
  const addEdge = (edge: Edge): void => {
    edges.push(edge);
    const list = outgoing.get(edge.from);
    if (list === undefined) outgoing.set(edge.from, [edge]);
    else list.push(edge);
  };
  for (const [name, cell] of Object.entries(netlist.cells)) {
    const net = (port: string, bit: number): number | undefined => {
      const found = cell.connections[port]?.[bit];
      return typeof found === 'number' ? found : undefined;
    };
    const child = children.get(cell.type);
    if (child !== undefined) {
      const pinNet = (pin: PinName): number | undefined => {
        const open = pin.lastIndexOf('[');
        return net(pin.slice(0, open), Number(pin.slice(open + 1, -1)));
      };
      for (const [pin, delay] of child.launches) {
        const bit = pinNet(pin);
        if (bit !== undefined) launches.push({ bit, delay, what: `${name}.${pin}` });
      }
      for (const [pin, delay] of child.captures) {
        const bit = pinNet(pin);
        if (bit !== undefined) captures.push({ bit, delay, what: `${name}.${pin}` });
      }
      for (const [a, b, delay] of child.arcs) {
        const [from, to] = [pinNet(a), pinNet(b)];
        if (from !== undefined && to !== undefined) addEdge({ from, to, delay, through: `${name}(${a} to ${b})` });
      }
      continue;
    }
    const timing = timingOf(cell);
    if (timing === undefined) continue;
    for (const [[port, bit], delay] of timing.launches) {
      const found = net(port, bit);
      if (found !== undefined) launches.push({ bit: found, delay, what: `${cell.type}` });
    }
    for (const [[port, bit], delay] of timing.captures) {
      const found = net(port, bit);
      if (found !== undefined) captures.push({ bit: found, delay, what: `${cell.type}.${port}` });
    }
    for (const [[portA, bitA], [portB, bitB], delay] of timing.arcs) {
      const [from, to] = [net(portA, bitA), net(portB, bitB)];
      if (from !== undefined && to !== undefined) addEdge({ from, to, delay, through: cell.type });
    }
  }

  const order = sortNets(edges, outgoing);
  const inputs = new Map<number, PinName>();
  const outputs: [PinName, number][] = [];
  for (const [port, { direction, bits }] of Object.entries(netlist.ports)) {
    for (const [index, bit] of bits.entries()) {
      if (typeof bit !== 'number') continue;
      if (direction === 'input') inputs.set(bit, pinName(port, index));
      else outputs.push([pinName(port, index), bit]);
    }
  }

  // Forward from registers; forward from inputs; backward to registers.
  const fromRegisters = new Map<number, number>();
  const start = new Map<number, string>();
  for (const { bit, delay, what } of launches) {
    if (delay > (fromRegisters.get(bit) ?? -1)) {
      fromRegisters.set(bit, delay);
      start.set(bit, what);
    }
  }
  const arrival = new Map(fromRegisters);
  if (!internalOnly) for (const bit of inputs.keys()) if (!arrival.has(bit)) arrival.set(bit, 0);
  const previous = new Map<number, Edge>();
  relax(order, outgoing, arrival, previous);

  const required = new Map<number, number>();
  for (const { bit, delay } of captures) required.set(bit, Math.max(required.get(bit) ?? 0, delay));
  for (let i = order.length - 1; i >= 0; i--) {
    for (const edge of outgoing.get(order[i]) ?? []) {
      const behind = required.get(edge.to);
      if (behind !== undefined) required.set(order[i], Math.max(required.get(order[i]) ?? 0, behind + edge.delay));
    }
  }

  let longestPs = 0;
  let end: { bit: number; what: string } | undefined;
  for (const { bit, delay, what } of captures) {
    const at = arrival.get(bit);
    if (at !== undefined && at + delay > longestPs) [longestPs, end] = [at + delay, { bit, what }];
  }
  if (!internalOnly) {
    for (const [pin, bit] of outputs)
      if ((arrival.get(bit) ?? 0) > longestPs) [longestPs, end] = [arrival.get(bit) as number, { bit, what: pin }];
  }

  // The abstract: only what starts at registers leaves, what goes through is listed input by input.
  const registersOnly = internalOnly ? arrival : new Map(fromRegisters);
  if (!internalOnly) relax(order, outgoing, registersOnly, new Map());
  const launchPins = new Map<PinName, number>();
  for (const [pin, bit] of outputs) {
    const at = registersOnly.get(bit);
    if (at !== undefined) launchPins.set(pin, at);
  }
  const capturePins = new Map<PinName, number>();
  for (const [bit, pin] of inputs) {
    const behind = required.get(bit);
    if (behind !== undefined) capturePins.set(pin, behind);
  }
  const arcs = findArcs(order, outgoing, inputs, outputs);

  const path: string[] = [];
  let bit = end?.bit;
  while (bit !== undefined && previous.has(bit)) {
    const edge: Edge = previous.get(bit) as Edge;
    path.unshift(edge.through);
    bit = edge.from;
  }
  const names = nameBits(netlist);
  const nameOf = (at: number | undefined): string => (at === undefined ? '-' : (names.get(at) ?? '?'));
  const what = bit === undefined ? undefined : start.get(bit);
  return {
    abstract: { launches: launchPins, captures: capturePins, arcs },
    longestPs,
    from: `${nameOf(bit)}${what === undefined ? ' (input)' : ` (${what})`}`,
    to: end === undefined ? '-' : `${nameOf(end.bit)} (${end.what})`,
    path,
  };
}

/** Nets in an order in which every edge goes forward. @throws Error on a combinational loop. */
function sortNets(edges: readonly Edge[], outgoing: ReadonlyMap<number, Edge[]>): number[] {
  const pending = new Map<number, number>();
  for (const { from, to } of edges) {
    pending.set(to, (pending.get(to) ?? 0) + 1);
    if (!pending.has(from)) pending.set(from, 0);
  }
  const order = [...pending].filter(([, count]) => count === 0).map(([net]) => net);
  for (let i = 0; i < order.length; i++) {
    for (const edge of outgoing.get(order[i]) ?? []) {
      const left = (pending.get(edge.to) as number) - 1;
      pending.set(edge.to, left);
      if (left === 0) order.push(edge.to);
    }
  }
  if (order.length !== pending.size) throw new Error('a combinational loop');
  return order;
}

function relax(
  order: readonly number[],
  outgoing: ReadonlyMap<number, Edge[]>,
  arrival: Map<number, number>,
  previous: Map<number, Edge>,
): void {
  for (const net of order) {
    const at = arrival.get(net);
    if (at === undefined) continue;
    for (const edge of outgoing.get(net) ?? []) {
      if (at + edge.delay > (arrival.get(edge.to) ?? -1)) {
        arrival.set(edge.to, at + edge.delay);
        previous.set(edge.to, edge);
      }
    }
  }
}

/** Longest combinational delay from every input pin to every output pin it reaches. */
function findArcs(
  order: readonly number[],
  outgoing: ReadonlyMap<number, Edge[]>,
  inputs: ReadonlyMap<number, PinName>,
  outputs: readonly (readonly [PinName, number])[],
): (readonly [PinName, PinName, number])[] {
  const outputPins = new Map<number, PinName[]>();
  for (const [pin, bit] of outputs) outputPins.set(bit, [...(outputPins.get(bit) ?? []), pin]);
  const useful = new Set(outputPins.keys());
  for (let i = order.length - 1; i >= 0; i--) {
    if ((outgoing.get(order[i]) ?? []).some((edge) => useful.has(edge.to))) useful.add(order[i]);
  }
  const position = new Map(order.map((net, index) => [net, index]));
  const arcs: (readonly [PinName, PinName, number])[] = [];
  for (const [input, pin] of inputs) {
    if (!useful.has(input)) continue;
    // Nets reached, in order.
    const reached = new Map<number, number>([[input, 0]]);
    const queue = [input];
    for (let i = 0; i < queue.length; i++) {
      for (const edge of outgoing.get(queue[i]) ?? []) {
        if (useful.has(edge.to) && !reached.has(edge.to)) {
          reached.set(edge.to, -1);
          queue.push(edge.to);
        }
      }
    }
    queue.sort((a, b) => (position.get(a) ?? -1) - (position.get(b) ?? -1));
    for (const net of queue) {
      const at = reached.get(net) as number;
      for (const edge of outgoing.get(net) ?? []) {
        const old = reached.get(edge.to);
        if (old !== undefined && at + edge.delay > old) reached.set(edge.to, at + edge.delay);
      }
    }
    for (const [net, delay] of reached) for (const output of outputPins.get(net) ?? []) arcs.push([pin, output, delay]);
  }
  return arcs;
}

/** A name from the sources for every net: the shortest that no tool made up. */
function nameBits(netlist: Netlist): Map<number, string> {
  const names = new Map<number, string>();
  for (const [name, { bits }] of Object.entries(netlist.netnames)) {
    const made = /[$]|_\d+_/.test(name);
    for (const [index, bit] of bits.entries()) {
      if (typeof bit !== 'number') continue;
      const old = names.get(bit);
      if (old === undefined || (/[$]|_\d+_/.test(old) && !made)) names.set(bit, bits.length > 1 ? `${name}[${index}]` : name);
    }
  }
  return names;
}
