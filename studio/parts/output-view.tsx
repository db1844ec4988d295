/** A tensor as people read it: classes, a picture, a mask, the heat map of a channel, or the numbers themselves. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { formatNumber, formatPercent, writeNpy } from '../../src/browser.ts';
import type { TensorView } from '../worker/protocol.ts';
import { heatColour, layerColour } from './colours.ts';
import { saveFile } from './download.ts';

type Form = 'classes' | 'picture' | 'mask' | 'heat map' | 'table';
const TOP = 5;
const MOST_NUMBERS = 256;

/** Height, width and channels of a map; a map of one pixel is a vector. */
function shapeOf({ dims }: TensorView): { readonly c: number; readonly h: number; readonly w: number } {
  if (dims.length === 4) return { c: dims[1], h: dims[2], w: dims[3] };
  return { c: dims.reduce((product, d) => product * d, 1), h: 1, w: 1 };
}

function formsOf(tensor: TensorView): Form[] {
  const { c, h, w } = shapeOf(tensor);
  if (h * w === 1) return tensor.values.length > 1 ? ['classes', 'table'] : ['table'];
  return [...(c === 1 || c === 3 ? (['picture'] as const) : []), ...(c > 1 && c !== 3 ? (['mask'] as const) : []), 'heat map', 'table'];
}

interface Props {
  readonly tensor: TensorView;
  readonly title: string;
  readonly labels: readonly string[] | undefined;
}

export function OutputView({ tensor, title, labels }: Props) {
  const forms = formsOf(tensor);
  const form = useSignal<Form>(forms.includes('mask') && shapeOf(tensor).c <= 32 ? 'mask' : forms[0] === 'mask' ? 'heat map' : forms[0]);
  const channel = useSignal(0);
  const { c } = shapeOf(tensor);
  const save = (): void =>
    saveFile(
      `${tensor.name.replace(/\W+/g, '_')}.npy`,
      writeNpy({ dtype: 'float32', dims: tensor.dims, data: tensor.values }),
      'application/octet-stream',
    );
  return (
    <figure class="chart">
      <figcaption>
        {title} <span class="muted">{tensor.dims.join('×')}</span>
      </figcaption>
      <div class="row">
        <fieldset class="segmented" aria-label="shown as">
          {forms.map((name) => (
            <button key={name} type="button" aria-pressed={form.value === name} onClick={() => (form.value = name)}>
              {name}
            </button>
          ))}
        </fieldset>
        {form.value === 'heat map' && c > 1 && (
          <label>
            channel{' '}
            <input
              type="number"
              min={0}
              max={c - 1}
              value={channel.value}
              onInput={(event) => (channel.value = Math.min(c - 1, Math.max(0, Number(event.currentTarget.value) || 0)))}
            />
          </label>
        )}
        <button type="button" class="quiet" onClick={save}>
          Save .npy
        </button>
      </div>
      {form.value === 'classes' && <Classes values={tensor.values} labels={labels} />}
      {form.value === 'table' && <Numbers values={tensor.values} />}
      {(form.value === 'picture' || form.value === 'mask' || form.value === 'heat map') && (
        <Picture tensor={tensor} form={form.value} channel={channel.value} />
      )}
    </figure>
  );
}

/** The greatest values; as probabilities where they are none yet. */
function Classes({ values, labels }: { readonly values: Float32Array; readonly labels: readonly string[] | undefined }) {
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = values.reduce((total, v) => total + Math.exp(v - most), 0);
  const total = values.reduce((a, b) => a + b, 0);
  const isProbability = values.every((v) => v >= 0 && v <= 1) && Math.abs(total - 1) < 0.02;
  const share = (v: number): number => (isProbability ? v : Math.exp(v - most) / sum);
  const top = Array.from(values.keys())
    .sort((a, b) => values[b] - values[a])
    .slice(0, TOP);
  return (
    <ol class="classes">
      {top.map((index) => (
        <li key={index}>
          <span class="name">{labels?.[index] ?? `class ${index}`}</span>
          <i style={{ width: `${100 * share(values[index])}%` }} />
          <span class="number">{formatPercent(share(values[index]))}</span>
          <span class="muted number">{formatNumber(values[index])}</span>
        </li>
      ))}
    </ol>
  );
}

function Numbers({ values }: { readonly values: Float32Array }) {
  return (
    <pre class="numbers">
      {Array.from(values.subarray(0, MOST_NUMBERS), (v) => formatNumber(v, 4).padStart(10)).join(' ')}
      {values.length > MOST_NUMBERS && `\n… ${values.length - MOST_NUMBERS} more: save it`}
    </pre>
  );
}

function rgbOf(colour: string): readonly number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

function Picture({ tensor, form, channel }: { readonly tensor: TensorView; readonly form: Form; readonly channel: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { c, h, w } = shapeOf(tensor);
  useEffect(() => {
    const ctx = canvas.current?.getContext('2d');
    if (!ctx) return;
    const image = ctx.createImageData(w, h);
    const pixels = w * h;
    const { values } = tensor;
    const shown = form === 'heat map' ? values.subarray(channel * pixels, (channel + 1) * pixels) : values;
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const v of shown) {
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
    const scale = high > low ? 1 / (high - low) : 0;
    for (let p = 0; p < pixels; p++) {
      let rgb: readonly number[];
      if (form === 'heat map') rgb = rgbOf(heatColour((shown[p] - low) * scale));
      else if (form === 'mask') {
        let best = 0;
        for (let k = 1; k < c; k++) if (values[k * pixels + p] > values[best * pixels + p]) best = k;
        rgb = rgbOf(layerColour(best));
      } else rgb = [0, 1, 2].map((k) => 255 * (values[(c === 3 ? k : 0) * pixels + p] - low) * scale);
      image.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * p);
    }
    ctx.putImageData(image, 0, 0);
  }, [tensor, form, channel]);
  return <canvas ref={canvas} class="picture" width={w} height={h} role="img" aria-label={`${tensor.name} as ${form}`} />;
}
