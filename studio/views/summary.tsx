/** The figures of a run: those of `bench --json`, the published ones beside them, and a line for each layer. */
import { formatBytes, formatCount, formatDecibels, formatNumber, formatPercent, type LayerReport, macCount } from '../../src/browser.ts';
import { CauseBar, CauseLegend } from '../parts/cause-bar.tsx';
import { DataTable, type TableColumn } from '../parts/data-table.tsx';
import { ExportButtons } from '../parts/exports.tsx';
import { run, selection, selectLayer } from '../state/store.ts';
import type { NodeView } from '../worker/protocol.ts';

interface Row extends LayerReport {
  readonly index: number;
}

const COLUMNS: readonly TableColumn<Row>[] = [
  { title: 'layer', left: true, value: (r) => r.name },
  { title: 'what', left: true, value: (r) => r.op },
  { title: 'lanes', hint: 'lanes of a vMAC that work on one output', value: (r) => r.lanesPerOutput },
  { title: 'M MACs', value: (r) => r.macs / 1e6, show: (r) => formatNumber(r.macs / 1e6) },
  { title: 'cycles', value: (r) => r.cycles, show: (r) => formatCount(r.cycles) },
  {
    title: 'occupancy',
    hint: 'useful MACs ÷ possible MACs',
    value: (r) => r.occupancy,
    show: (r) => (r.macs > 0 ? formatPercent(r.occupancy) : '–'),
  },
  { title: 'bound by', left: true, value: (r) => r.boundBy },
  { title: 'read', hint: 'DRAM bytes', value: (r) => r.dramReadBytes, show: (r) => formatBytes(Math.round(r.dramReadBytes)) },
  { title: 'written', hint: 'DRAM bytes', value: (r) => r.dramWriteBytes, show: (r) => formatBytes(Math.round(r.dramWriteBytes)) },
];

interface FigureProps {
  readonly title: string;
  readonly value: string;
  readonly note?: string;
  readonly id?: string;
}

function Figure({ title, value, note, id }: FigureProps) {
  return (
    <div class="figure">
      <dt>{title}</dt>
      <dd id={id}>{value}</dd>
      <dd class="note">{note ?? '\u00a0'}</dd>
    </div>
  );
}

/** How many nodes run where, as `check` counts them. */
function placementText(nodes: readonly NodeView[]): string {
  const count = (where: NodeView['where']): number => nodes.filter((node) => node.where === where).length;
  const host = count('host');
  return `${count('accelerated')} nodes on the accelerator, ${count('folded')} folded into others, ${host} on the host`;
}

export function SummaryView() {
  const now = run.value;
  const figures = now?.timing.value?.profile.figures;
  const program = now?.program.value;
  if (!now || !figures || !program) return null;
  const paper = now.network.value?.paper;
  const bits = now.bits.value;
  const macs = macCount(program.machine);
  const rows = figures.layers.map((layer, index): Row => ({ ...layer, index }));
  const longest = Math.max(...rows.map((row) => row.cycles));
  return (
    <div class="view summary">
      <dl class="figures">
        <Figure
          id="fps"
          title="frames a second"
          value={formatNumber(figures.fps, 4)}
          note={paper?.fps ? `published ${paper.fps}` : `bound ${formatNumber(figures.boundFps, 4)}`}
        />
        <Figure id="occupancy" title="occupancy" value={formatPercent(figures.occupancy)} note={`${formatNumber(figures.gops)} G-ops/s`} />
        <Figure
          id="cycles"
          title="cycles a frame"
          value={formatCount(figures.cycles)}
          note={`bound ${formatNumber(figures.boundFps, 4)} FPS`}
        />
        <Figure
          id="gbps"
          title="DRAM"
          value={`${formatNumber(figures.gbps)} GB/s`}
          note={paper?.gbps ? `published ${paper.gbps}` : `of ${program.machine.dram.bytesPerSecond / 1e9}`}
        />
        <Figure
          id="traffic"
          title="traffic a frame"
          value={formatBytes(figures.dramReadBytes + figures.dramWriteBytes)}
          note={`floor ${formatBytes(figures.floorBytes)}`}
        />
        <Figure
          id="bits"
          title="bits"
          value={bits ? (bits.bitExact ? 'exact' : 'DIFFER') : '…'}
          note={bits ? (bits.sqnrDb === null ? 'reference = simulator' : `${formatDecibels(bits.sqnrDb)} dB to float32`) : 'checking'}
        />
      </dl>
      {bits?.difference && (
        <p class="error" role="alert">
          {bits.difference}
        </p>
      )}
      <p class="muted">{placementText(now.network.value?.nodes ?? [])}</p>
      <h3>Where the cycles of each layer went</h3>
      <CauseLegend />
      <ol class="layer-bars">
        {rows.map((row) => (
          <li key={row.index} class={selection.value.layer === row.index ? 'selected' : ''}>
            <button type="button" onClick={() => selectLayer(row.index)} title={`${row.name}: ${row.op}`}>
              <span class="name">{row.name}</span>
              <CauseBar cycles={row.cycles} useful={row.macs / macs} lost={row.lost} full={longest} />
              <span class="number">{formatPercent(row.cycles / figures.cycles)}</span>
            </button>
          </li>
        ))}
      </ol>
      <DataTable
        label="Layers"
        columns={COLUMNS}
        rows={rows}
        isSelected={(row) => row.index === selection.value.layer}
        onSelect={(row) => selectLayer(row.index)}
      />
      <p class="muted">
        Compiled in {now.compileSeconds.value.toFixed(2)} s, timed in {now.timing.value!.seconds.toFixed(2)} s, a frame's bits in{' '}
        {now.simulateSeconds.value.toFixed(2)} s; <span id="result-seconds">{now.resultSeconds.value.toFixed(2)}</span> s from the choice to
        the results. {paper && `Published: ${paper.source}.`}
      </p>
      <ExportButtons />
    </div>
  );
}
