/** One run with the user's own input: output as classes, picture, mask, heat map or table; distance of every layer from float32. */
import { signal } from '@preact/signals';
import {
  CHANNEL_ORDERS,
  formatCount,
  formatDecibels,
  formatNumber,
  formatPercent,
  IMAGE_FITS,
  type ImageOptions,
} from '../../src/browser.ts';
import { DataTable, type TableColumn } from '../parts/data-table.tsx';
import { OutputView } from '../parts/output-view.tsx';
import { network, program, run, selectLayer } from '../state/store.ts';
import type { LayerAccuracy, RunView as RunResult } from '../worker/protocol.ts';

const files = signal<ReadonlyMap<string, File>>(new Map());
const labels = signal<readonly string[] | undefined>(undefined);
const fit = signal<NonNullable<ImageOptions['fit']>>('crop');
const order = signal<NonNullable<ImageOptions['channelOrder']>>('rgb');
const norm = signal<keyof typeof NORMALIZATIONS>('ImageNet');
const compare = signal(true);
const state = signal<
  | { readonly kind: 'idle' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'done'; readonly result: RunResult }
  | { readonly kind: 'failed'; readonly message: string }
>({ kind: 'idle' });

/** How pixels become values. */
const NORMALIZATIONS = {
  ImageNet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  '0 to 1': {},
  '−1 to 1': { mean: [0.5], std: [0.5] },
  '0 to 255': { scale: 1 },
} as const satisfies Record<string, ImageOptions>;

const COLUMNS: readonly TableColumn<LayerAccuracy>[] = [
  { title: 'layer', left: true, value: (r) => r.layer },
  { title: 'SQNR dB', hint: 'signal to quantization noise', value: (r) => r.sqnrDb, show: (r) => formatDecibels(r.sqnrDb) },
  { title: 'largest error', value: (r) => r.maxError, show: (r) => formatNumber(r.maxError) },
  { title: 'mean error', value: (r) => r.meanError, show: (r) => formatNumber(r.meanError) },
  {
    title: 'saturated',
    hint: 'words at the ends of the 16-bit range',
    value: (r) => r.saturated,
    show: (r) => (r.saturated > 0 ? `${formatCount(r.saturated)} (${formatPercent(r.saturated / r.words)})` : '–'),
  },
  { title: 'words', value: (r) => r.words, show: (r) => formatCount(r.words) },
];

async function start(): Promise<void> {
  const now = run.value;
  const net = network.value;
  if (!now || !net) return;
  state.value = { kind: 'busy' };
  try {
    // One-channel pictures take one mean: that of the first channel would be wrong, so a grey input is only scaled.
    const grey = net.inputs.every(({ dims }) => dims[1] === 1);
    const normalization: ImageOptions = grey ? {} : NORMALIZATIONS[norm.value];
    const result = await now.call('run', {
      inputs: [...files.value].map(([name, file]) => ({ name, file })),
      image: { fit: fit.value, channelOrder: order.value, ...normalization },
      seed: now.options.seed,
      compare: compare.value,
    });
    state.value = { kind: 'done', result };
  } catch (error) {
    state.value = { kind: 'failed', message: (error as Error).message };
  }
}

function setFile(name: string, file: File | undefined): void {
  if (!file) return;
  files.value = new Map(files.value).set(name, file);
  void start();
}

async function readLabels(file: File | undefined): Promise<void> {
  if (!file) return;
  const lines = (await file.text()).split(/\r?\n/).filter((line) => line.trim() !== '');
  // "281: 'tabby, tabby cat'," as well as plain lines.
  labels.value = lines.map((line) => line.replace(/^\s*\{?\s*\d+\s*:\s*/, '').replace(/^['"]|['"],?\}?\s*$/g, ''));
}

export function RunView() {
  const net = network.value;
  if (!net || !program.value) return null;
  const now = state.value;
  const drop = (name: string) => (event: DragEvent) => {
    event.preventDefault();
    setFile(name, event.dataTransfer?.files[0]);
  };
  return (
    <div class="view run">
      <section class="table-box padded" aria-label="input">
        {net.inputs.map(({ name, dims, dtype }) => (
          <section key={name} class="row input-row" aria-label={`input ${name}`} onDrop={drop(name)}>
            <label class="file">
              <b>{name}</b>{' '}
              <span class="muted">
                {dims.map((d) => d ?? '?').join('×')} {dtype}
              </span>
              <input
                type="file"
                data-input={name}
                accept="image/*,.npy,.pb"
                aria-label={`file for input ${name}`}
                onChange={(event) => setFile(name, event.currentTarget.files?.[0])}
              />
            </label>
            <span class="muted">{files.value.get(name)?.name ?? 'drop a picture, .npy or .pb here; until then it is random'}</span>
          </section>
        ))}
        <div class="row">
          <Choice title="fit" value={fit.value} values={IMAGE_FITS} onChange={(value) => (fit.value = value)} />
          <Choice title="colours" value={order.value} values={CHANNEL_ORDERS} onChange={(value) => (order.value = value)} />
          <Choice
            title="values"
            value={norm.value}
            values={Object.keys(NORMALIZATIONS) as (keyof typeof NORMALIZATIONS)[]}
            onChange={(value) => (norm.value = value)}
          />
          <label>
            <input type="checkbox" checked={compare.value} onChange={(event) => (compare.value = event.currentTarget.checked)} /> compare
            each layer with float32
          </label>
          <label class="file">
            {labels.value ? `${labels.value.length} labels` : 'labels'}{' '}
            <input
              type="file"
              accept=".txt,.json"
              aria-label="file of class labels"
              onChange={(event) => void readLabels(event.currentTarget.files?.[0])}
            />
          </label>
          <button type="button" class="primary" id="run-button" disabled={now.kind === 'busy'} onClick={() => void start()}>
            {now.kind === 'busy' ? 'Running …' : 'Run'}
          </button>
        </div>
      </section>
      {now.kind === 'failed' && (
        <p class="error" role="alert">
          {now.message}
        </p>
      )}
      {now.kind === 'done' && (
        <div id="run-result">
          {now.result.saturatedInputs > 0 && (
            <p class="advice">
              {formatCount(now.result.saturatedInputs)} input values lie beyond the range that calibration chose: they are cut off. Compile
              with calibration files (command line: --calibrate) for real inputs.
            </p>
          )}
          <div class="charts">
            {now.result.inputs.map((tensor) => (
              <OutputView key={`in ${tensor.name}`} tensor={tensor} title={`input ${tensor.name}`} labels={undefined} />
            ))}
            {now.result.outputs.map((tensor) => (
              <OutputView key={`out ${tensor.name}`} tensor={tensor} title={`output ${tensor.name}`} labels={labels.value} />
            ))}
          </div>
          {now.result.layers.length > 0 && (
            <DataTable
              label="Distance from float32, worst layers first"
              columns={COLUMNS}
              rows={now.result.layers}
              onSelect={(row) =>
                selectLayer(program.value?.layers.findIndex((layer) => layer.name === row.layer || layer.nodes.includes(row.layer)) ?? -1)
              }
            />
          )}
          <p class="muted">The bits of a frame took {now.result.seconds.toFixed(2)} s.</p>
        </div>
      )}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  readonly title: string;
  readonly value: T;
  readonly values: readonly T[];
  readonly onChange: (value: T) => void;
}

function Choice<T extends string>({ title, value, values, onChange }: ChoiceProps<T>) {
  return (
    <label>
      {title}{' '}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {values.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
