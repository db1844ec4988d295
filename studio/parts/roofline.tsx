/** The roofline: what each layer could reach by its MACs for each DRAM byte, and what it reached. Both axes logarithmic. */
import { formatNumber, formatPercent, type Machine, macCount, type ProfileLayer, ridgeMacsPerByte } from '../../src/browser.ts';
import { selection, selectLayer } from '../state/store.ts';
import { layerColour } from './colours.ts';

const SIZE = { width: 460, height: 260, left: 52, right: 12, top: 12, bottom: 34 };

export function Roofline({ layers, machine }: { readonly layers: readonly ProfileLayer[]; readonly machine: Machine }) {
  const points = layers
    .map((layer, index) => ({ index, layer, ...layer.roofline }))
    .filter((p) => p.reachedMacsPerCycle > 0 && Number.isFinite(p.macsPerByte));
  const peak = macCount(machine);
  const ridge = ridgeMacsPerByte(machine);
  const intensities = [...points.map((p) => p.macsPerByte), ridge / 4, ridge * 8];
  const [lowX, highX] = [Math.min(...intensities) / 1.5, Math.max(...intensities) * 1.5];
  const lowY = Math.min(peak / 30, ...points.map((p) => p.reachedMacsPerCycle / 1.5));
  const highY = peak * 1.4;
  const x = (value: number): number =>
    SIZE.left + (Math.log(value / lowX) / Math.log(highX / lowX)) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (value: number): number =>
    SIZE.top + (1 - Math.log(value / lowY) / Math.log(highY / lowY)) * (SIZE.height - SIZE.top - SIZE.bottom);
  const ticks = (low: number, high: number): number[] => {
    const found: number[] = [];
    for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++) found.push(10 ** power);
    return found;
  };
  return (
    <figure class="chart">
      <figcaption>Roofline: MACs a cycle over MACs for each DRAM byte</figcaption>
      <svg viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}>
        <title>Roofline</title>
        {ticks(lowX, highX).map((value) => (
          <g key={`x${value}`}>
            <line class="grid" x1={x(value)} x2={x(value)} y1={SIZE.top} y2={SIZE.height - SIZE.bottom} />
            <text x={x(value)} y={SIZE.height - 18} text-anchor="middle">
              {formatNumber(value, 1)}
            </text>
          </g>
        ))}
        {ticks(lowY, highY).map((value) => (
          <g key={`y${value}`}>
            <line class="grid" x1={SIZE.left} x2={SIZE.width - SIZE.right} y1={y(value)} y2={y(value)} />
            <text x={SIZE.left - 6} y={y(value) + 4} text-anchor="end">
              {formatNumber(value, 1)}
            </text>
          </g>
        ))}
        <path class="roof" d={`M${x(lowX)} ${y((peak * lowX) / ridge)}L${x(ridge)} ${y(peak)}L${x(highX)} ${y(peak)}`} />
        <text x={SIZE.width - SIZE.right} y={y(peak) - 5} text-anchor="end">
          {peak} MACs
        </text>
        <text x={SIZE.width / 2} y={SIZE.height - 3} text-anchor="middle">
          MACs a byte
        </text>
        {points.map(({ index, layer, macsPerByte, reachedMacsPerCycle, attainableMacsPerCycle, roof }) => (
          // biome-ignore lint/a11y/useSemanticElements: a button can not be in an SVG
          <g
            key={index}
            class={selection.value.layer === index ? 'point chosen' : 'point'}
            role="button"
            tabIndex={0}
            aria-label={`${layer.name}: ${formatPercent(reachedMacsPerCycle / attainableMacsPerCycle)} of the ${roof} roof`}
            onClick={() => selectLayer(index)}
            onKeyDown={(event) => event.key === 'Enter' && selectLayer(index)}
          >
            <title>{`${layer.name}: ${formatNumber(macsPerByte)} MACs a byte, ${formatNumber(reachedMacsPerCycle)} a cycle, ${formatPercent(reachedMacsPerCycle / attainableMacsPerCycle)} of the ${roof} roof`}</title>
            <circle cx={x(macsPerByte)} cy={y(reachedMacsPerCycle)} r={5} fill={layerColour(index)} />
          </g>
        ))}
      </svg>
    </figure>
  );
}
