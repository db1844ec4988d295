/** Two machines, or two compilations, side by side: what twice the bandwidth, half the buffers or 8 CUs would give, layer by layer. */
import { useEffect } from 'preact/hooks';
import {
  formatBytes,
  formatCount,
  formatNumber,
  formatPercent,
  LOST_CAUSES,
  macCount,
  type NetworkFigures,
  SCOPES,
} from '../../src/browser.ts';
import { CauseBar, CauseLegend } from '../parts/cause-bar.tsx';
import { DataTable, type TableColumn } from '../parts/data-table.tsx';
import { MachineEditor, tryResolve } from '../parts/machine-panel.tsx';
import { ProgressBar } from '../parts/progress-bar.tsx';
import { changeValue, type MachineChoice, resolveMachine } from '../state/machine-choice.ts';
import {
  DEFAULT_MACHINE,
  machineChoice,
  otherChoice,
  otherRun,
  otherSettings,
  run,
  type Settings,
  selection,
  selectLayer,
  settings,
  startOther,
} from '../state/store.ts';

/** Questions that one click answers. */
const QUESTIONS: readonly { readonly title: string; readonly change: (choice: MachineChoice) => MachineChoice }[] = [
  { title: 'twice the bandwidth', change: (choice) => scaled(choice, [['dram', 'bytesPerSecond']], 2) },
  { title: 'half the bandwidth', change: (choice) => scaled(choice, [['dram', 'bytesPerSecond']], 0.5) },
  { title: 'half the buffers', change: (choice) => scaled(choice, [['mapsBytes'], ['weightsBytes']], 0.5) },
  { title: '8 compute units', change: (choice) => changeValue(choice, ['computeUnits'], 8) },
  { title: 'a slower memory', change: (choice) => scaled(choice, [['dram', 'readLatency']], 4) },
];

function scaled(choice: MachineChoice, paths: readonly (readonly string[])[], factor: number): MachineChoice {
  const machine = resolveMachine(choice) as unknown as Record<string, unknown>;
  return paths.reduce((changed, path) => {
    const value = path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], machine) as number;
    return changeValue(changed, path, value * factor);
  }, choice);
}

interface Row {
  readonly name: string;
  readonly index: number;
  readonly a: number;
  readonly b: number;
  readonly occupancyA: number;
  readonly occupancyB: number;
  readonly bytesA: number;
  readonly bytesB: number;
}

/** Seconds decide: two machines may have different clocks. */
function ratio(a: number, b: number): string {
  if (a === 0 || b === 0) return '–';
  const speedup = a / b;
  if (Math.abs(speedup - 1) < 0.0005) return '=';
  return `×${speedup.toFixed(3)}`;
}

function mark(a: number, b: number): string {
  return Math.abs(a / b - 1) < 0.005 ? '' : a > b ? 'better' : 'worse';
}

/** Layers of both sides by name, in the order of A; those of B alone at the end. */
function joinLayers(a: NetworkFigures, b: NetworkFigures, clockA: number, clockB: number): Row[] {
  const other = new Map(b.layers.map((layer) => [layer.name, layer]));
  const rows = a.layers.map((layer, index): Row => {
    const twin = other.get(layer.name);
    other.delete(layer.name);
    return {
      name: layer.name,
      index,
      a: (1e6 * layer.cycles) / clockA,
      b: twin ? (1e6 * twin.cycles) / clockB : 0,
      occupancyA: layer.occupancy,
      occupancyB: twin?.occupancy ?? 0,
      bytesA: layer.dramReadBytes + layer.dramWriteBytes,
      bytesB: twin ? twin.dramReadBytes + twin.dramWriteBytes : 0,
    };
  });
  for (const layer of other.values()) {
    const bytesB = layer.dramReadBytes + layer.dramWriteBytes;
    rows.push({
      name: layer.name,
      index: -1,
      a: 0,
      b: (1e6 * layer.cycles) / clockB,
      occupancyA: 0,
      occupancyB: layer.occupancy,
      bytesA: 0,
      bytesB,
    });
  }
  return rows;
}

const COLUMNS: readonly TableColumn<Row>[] = [
  { title: 'layer', left: true, value: (r) => r.name },
  { title: 'A µs', value: (r) => r.a, show: (r) => formatNumber(r.a, 4) },
  { title: 'B µs', value: (r) => r.b, show: (r) => formatNumber(r.b, 4) },
  {
    title: 'B faster',
    hint: 'time of A ÷ time of B',
    value: (r) => (r.b > 0 ? r.a / r.b : 0),
    show: (r) => <span class={mark(r.a, r.b)}>{ratio(r.a, r.b)}</span>,
  },
  { title: 'A occupancy', value: (r) => r.occupancyA, show: (r) => formatPercent(r.occupancyA) },
  {
    title: 'B occupancy',
    value: (r) => r.occupancyB,
    show: (r) => <span class={mark(r.occupancyB, r.occupancyA)}>{formatPercent(r.occupancyB)}</span>,
  },
  { title: 'A DRAM', value: (r) => r.bytesA, show: (r) => formatBytes(Math.round(r.bytesA)) },
  {
    title: 'B DRAM',
    value: (r) => r.bytesB,
    show: (r) => <span class={mark(r.bytesA, r.bytesB)}>{formatBytes(Math.round(r.bytesB))}</span>,
  },
];

function Side({ title, figures, macs }: { readonly title: string; readonly figures: NetworkFigures; readonly macs: number }) {
  const longest = Math.max(...figures.layers.map((layer) => layer.cycles));
  return (
    <figure class="chart">
      <figcaption>
        {title}: {formatNumber(figures.fps, 4)} FPS, {formatPercent(figures.occupancy)}, {formatNumber(figures.gbps)} GB/s
      </figcaption>
      <ol class="layer-bars">
        {figures.layers.map((layer, index) => (
          <li key={index} class={selection.value.layer === index ? 'selected' : ''}>
            <button type="button" onClick={() => selectLayer(index)}>
              <span class="name">{layer.name}</span>
              <CauseBar cycles={layer.cycles} useful={layer.macs / macs} lost={layer.lost} full={longest} />
              <span class="number">{formatCount(layer.cycles)}</span>
            </button>
          </li>
        ))}
      </ol>
    </figure>
  );
}

export function CompareView() {
  const choice = otherChoice.value ?? machineChoice.value;
  const other = otherRun.value;
  useEffect(() => {
    // A link restores the second side too.
    if (otherChoice.value && !otherRun.value) startOther();
  }, []);
  const set = (next: MachineChoice): void => {
    otherChoice.value = next;
    if ('machine' in tryResolve(next)) startOther();
  };
  const setSetting = (changes: Partial<Settings>): void => {
    otherSettings.value = { ...(otherSettings.value ?? settings.value), ...changes };
    startOther();
  };
  const [a, b] = [run.value, other].map((side) => {
    const figures = side?.timing.value?.profile.figures;
    const machine = side?.program.value?.machine;
    return figures && machine ? { figures, machine, macs: macCount(machine) } : undefined;
  });
  const status = other?.status.value;
  const lost = (figures: NetworkFigures): number =>
    figures.layers.reduce((sum, layer) => sum + LOST_CAUSES.reduce((s, cause) => s + layer.lost[cause], 0), 0);
  const now = otherSettings.value ?? settings.value;
  return (
    <div class="view compare">
      <p class="row">
        <span>
          <b>A</b> is the machine above. What would <b>B</b> give with
        </span>
        {QUESTIONS.map(({ title, change }) => (
          <button key={title} type="button" disabled={!isPossible(change)} onClick={() => set(change(machineChoice.value))}>
            {title}?
          </button>
        ))}
      </p>
      <details class="table-box padded" open={otherChoice.value === undefined}>
        <summary>B in detail</summary>
        <MachineEditor choice={choice} onChange={set} id="other" />
        <div class="row">
          <label>
            scope{' '}
            <select value={now.scope} onChange={(e) => setSetting({ scope: e.currentTarget.value as Settings['scope'] })}>
              {SCOPES.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            frames a batch{' '}
            <input
              type="number"
              min={1}
              max={64}
              value={now.batch}
              onChange={(e) => setSetting({ batch: Math.max(1, Number(e.currentTarget.value) || 1) })}
            />
          </label>
          <button type="button" onClick={() => set(DEFAULT_MACHINE)}>
            Back to the preset
          </button>
        </div>
      </details>
      <ProgressBar of={other} />
      {status?.kind === 'failed' && (
        <p class="error" role="alert">
          B: {status.message}
        </p>
      )}
      {a && b && (
        <>
          <dl class="figures" id="comparison">
            <Delta title="frames a second" a={a.figures.fps} b={b.figures.fps} show={(v) => formatNumber(v, 4)} higher />
            <Delta title="occupancy" a={a.figures.occupancy} b={b.figures.occupancy} show={formatPercent} higher />
            <Delta title="cycles a frame" a={a.figures.cycles} b={b.figures.cycles} show={formatCount} />
            <Delta title="lost cycles" a={lost(a.figures)} b={lost(b.figures)} show={formatCount} />
            <Delta
              title="traffic a frame"
              a={a.figures.dramReadBytes + a.figures.dramWriteBytes}
              b={b.figures.dramReadBytes + b.figures.dramWriteBytes}
              show={(v) => formatBytes(Math.round(v))}
            />
          </dl>
          <CauseLegend />
          <div class="charts">
            <Side title={`A, ${a.macs} MACs`} figures={a.figures} macs={a.macs} />
            <Side title={`B, ${b.macs} MACs`} figures={b.figures} macs={b.macs} />
          </div>
          <DataTable
            label="Layer by layer"
            columns={COLUMNS}
            rows={joinLayers(a.figures, b.figures, a.machine.clockHz, b.machine.clockHz)}
            isSelected={(row) => row.index >= 0 && row.index === selection.value.layer}
            onSelect={(row) => selectLayer(row.index)}
          />
        </>
      )}
    </div>
  );
}

function isPossible(change: (choice: MachineChoice) => MachineChoice): boolean {
  try {
    resolveMachine(change(machineChoice.value));
    return true;
  } catch {
    return false;
  }
}

interface DeltaProps {
  readonly title: string;
  readonly a: number;
  readonly b: number;
  readonly show: (value: number) => string;
  /** Whether more is better. */
  readonly higher?: boolean;
}

function Delta({ title, a, b, show, higher }: DeltaProps) {
  const change = b / a - 1;
  const good = higher ? change > 0 : change < 0;
  return (
    <div class="figure">
      <dt>{title}</dt>
      <dd>{show(b)}</dd>
      <dd class="note">
        A {show(a)}{' '}
        {Number.isFinite(change) && Math.abs(change) >= 0.0005 && (
          <b class={good ? 'better' : 'worse'}>
            {change > 0 ? '+' : '−'}
            {(100 * Math.abs(change)).toFixed(1)} %
          </b>
        )}
      </dd>
    </div>
  );
}
