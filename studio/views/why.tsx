/** Why it is not faster: roofline, lost cycles by layer and cause, what lives where, energy, and all of it as a table. */
import {
  CAUSE_TEXTS,
  formatBytes,
  formatCount,
  formatNumber,
  formatPercent,
  LOST_CAUSES,
  macCount,
  type ProfilePart,
  rankRemedies,
  totalBytes,
} from '../../src/browser.ts';
import { CauseBar, CauseLegend } from '../parts/cause-bar.tsx';
import { DataTable, type TableColumn } from '../parts/data-table.tsx';
import { ExportButtons } from '../parts/exports.tsx';
import { MemoryMap } from '../parts/memory-map.tsx';
import { Roofline } from '../parts/roofline.tsx';
import { program, selection, selectLayer, timing } from '../state/store.ts';

interface Row {
  readonly index: number;
  readonly part: ProfilePart;
}

/** Columns of any part of a run: a layer or a tile. */
function columnsOf(title: string, macs: number): TableColumn<Row>[] {
  return [
    { title, left: true, value: ({ part }) => part.name },
    { title: 'cycles', value: ({ part }) => part.cycles, show: ({ part }) => formatCount(part.cycles) },
    {
      title: 'occupancy',
      value: ({ part }) => part.occupancy,
      show: ({ part }) => (part.usefulMacs > 0 ? formatPercent(part.occupancy) : '–'),
    },
    ...LOST_CAUSES.map(
      (cause): TableColumn<Row> => ({
        title: CAUSE_TEXTS[cause].short,
        hint: CAUSE_TEXTS[cause].meaning,
        value: ({ part }) => part.lostSlots[cause] / macs,
        show: ({ part }) => (part.lostSlots[cause] > 0 ? formatCount(part.lostSlots[cause] / macs) : '·'),
      }),
    ),
    {
      title: 'DRAM',
      hint: 'bytes read and written',
      value: ({ part }) => totalBytes(part.dramBytes),
      show: ({ part }) => formatBytes(totalBytes(part.dramBytes)),
    },
    { title: 'mJ', hint: 'estimated energy', value: ({ part }) => part.energy.total, show: ({ part }) => formatNumber(part.energy.total) },
  ];
}

export function WhyView() {
  const now = timing.value;
  const machine = program.value?.machine;
  if (!now || !machine) return null;
  const { profile } = now;
  const macs = macCount(machine);
  const rows = profile.layers.map((part, index): Row => ({ index, part }));
  const lostOf = (part: ProfilePart): number => LOST_CAUSES.reduce((sum, cause) => sum + part.lostSlots[cause], 0) / macs;
  const most = Math.max(1, ...profile.layers.map(lostOf));
  const { layer } = selection.value;
  const chosen = profile.layers[layer];
  const [remedy] = rankRemedies(profile);
  return (
    <div class="view why">
      <p class="advice">
        <b>What would make it faster:</b> {remedy.what}, at most ×{formatNumber(1 / (1 - remedy.share), 4)}, for the{' '}
        {formatPercent(remedy.share)} lost to {remedy.causes.map((cause) => CAUSE_TEXTS[cause].title).join(' and ')}.
      </p>
      <div class="charts">
        <figure class="chart">
          <figcaption>Lost cycles of each layer, by cause</figcaption>
          <ol class="layer-bars">
            {rows.map(({ index, part }) => (
              <li key={index} class={layer === index ? 'selected' : ''}>
                <button type="button" onClick={() => selectLayer(index)} title={`${part.name}: ${formatCount(lostOf(part))} cycles lost`}>
                  <span class="name">{part.name}</span>
                  <CauseBar
                    cycles={part.cycles}
                    useful={0}
                    lost={Object.fromEntries(LOST_CAUSES.map((cause) => [cause, part.lostSlots[cause] / macs])) as never}
                    full={most}
                  />
                  <span class="number">{formatCount(lostOf(part))}</span>
                </button>
              </li>
            ))}
          </ol>
          <CauseLegend />
        </figure>
        <Roofline layers={profile.layers} machine={machine} />
      </div>
      <MemoryMap />
      <DataTable
        label="Layers: lost cycles by cause"
        columns={columnsOf('layer', macs)}
        rows={rows}
        isSelected={(row) => row.index === layer}
        onSelect={(row) => selectLayer(row.index)}
      />
      {chosen && chosen.tiles.length > 1 && (
        <DataTable
          label={`Tiles of ${chosen.name}`}
          columns={columnsOf('tile', macs)}
          rows={chosen.tiles.map((part, index) => ({ index, part }))}
        />
      )}
      <p class="muted">
        Energy is an estimate from stated coefficients, not a measurement: {formatNumber(profile.millijoules)} mJ a run,{' '}
        {formatNumber(profile.watts)} W on average. All frames of the run together.
      </p>
      <ExportButtons />
    </div>
  );
}
