/** A profile as CSV (RFC 4180): one row a layer and one a tile, cycles and bytes of the whole run. */
import { macCount } from '../machine/machine.ts';
import type { LostCause } from '../simulator/timing/result.ts';
import type { NetworkProfile } from './network-profile.ts';
import type { ProfilePart } from './profile.ts';

/** Column titles first; lines end with CR LF. */
export function renderProfileCsv(network: NetworkProfile): string {
  const macs = macCount(network.machine);
  const causes = Object.keys(network.lostSlots) as LostCause[];
  const titles = [
    ...['kind', 'layer', 'tile', 'operation', 'nodes', 'lanes_per_output', 'macs', 'cycles', 'predicted_cycles', 'occupancy'],
    ...causes.map((cause) => `lost_${cause}_cycles`),
    ...['weights_bytes', 'maps_in_bytes', 'maps_out_bytes', 'instruction_bytes', 'macs_per_byte', 'roof', 'energy_estimate_mj'],
  ];
  const measures = (part: ProfilePart, predicted: string): (string | number)[] => [
    part.usefulMacs,
    part.cycles,
    predicted,
    part.occupancy,
    ...causes.map((cause) => part.lostSlots[cause] / macs),
    part.dramBytes.weights,
    part.dramBytes.mapsIn,
    part.dramBytes.mapsOut,
    part.dramBytes.instructions,
    Number.isFinite(part.roofline.macsPerByte) ? part.roofline.macsPerByte : '',
    part.roofline.roof,
    part.energy.total,
  ];
  const rows = network.layers.flatMap((layer) => {
    const common = [layer.op, layer.nodes.join(' '), layer.lanesPerOutput];
    return [
      ['layer', layer.name, '', ...common, ...measures(layer, `${layer.predictedCycles}`)],
      ...layer.tiles.map((tile) => ['tile', layer.name, tile.name, ...common, ...measures(tile, '')]),
    ];
  });
  return [titles, ...rows].map((row) => `${row.map(quote).join(',')}\r\n`).join('');
}

function quote(value: string | number): string {
  const text = `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
