/** What lives where in a buffer, when: lives of granules as rectangles of time and address, in the colour of the layer that wrote them. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { formatCount, GRANULE_BYTES } from '../../src/browser.ts';
import { program, range, selection, selectLayer, timing } from '../state/store.ts';
import { theme, themeColour } from '../state/theme.ts';
import type { ResidencyView } from '../worker/protocol.ts';
import { layerColour } from './colours.ts';
import { saveCanvas } from './download.ts';

const HEIGHT = 220;

interface Life {
  readonly layer: number;
  readonly from: number;
  readonly to: number;
  readonly granule: number;
  readonly granules: number;
}

function* livesOf(parts: readonly ResidencyView[], kind: 'maps' | 'weights', cu: number): Iterable<Life> {
  for (const part of parts) {
    const lives = part[kind];
    for (let i = 0; i < lives.count; i++) {
      if (lives.cu[i] !== cu) continue;
      yield {
        layer: lives.layer[i] + part.firstLayer,
        from: lives.from[i] + part.from,
        to: lives.to[i] + part.from,
        granule: lives.granule[i],
        granules: lives.granules[i],
      };
    }
  }
}

export function MemoryMap() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const kind = useSignal<'maps' | 'weights'>('maps');
  const cu = useSignal(0);
  const under = useSignal('');
  const now = timing.value;
  const machine = program.value?.machine;
  const [from, to] = range.value ?? [0, now?.cycles ?? 1];
  const granules = machine ? (kind.value === 'maps' ? machine.mapsBytes : 4 * machine.weightsBytes) / GRANULE_BYTES : 1;
  const { layer } = selection.value;
  const colours = theme.value;

  useEffect(() => {
    const element = canvas.current;
    if (!element || !now) return;
    const ratio = window.devicePixelRatio || 1;
    const width = element.clientWidth;
    element.width = width * ratio;
    element.height = HEIGHT * ratio;
    const ctx = element.getContext('2d', { alpha: false })!;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = themeColour('sunken');
    ctx.fillRect(0, 0, width, HEIGHT);
    for (const life of livesOf(now.residencies, kind.value, cu.value)) {
      if (life.to < from || life.from > to) continue;
      const x0 = ((life.from - from) / (to - from)) * width;
      const x1 = ((life.to - from) / (to - from)) * width;
      ctx.globalAlpha = layer >= 0 && life.layer !== layer ? 0.35 : 1;
      ctx.fillStyle = layerColour(life.layer);
      const height = (life.granules / granules) * HEIGHT;
      ctx.fillRect(x0, HEIGHT - (life.granule / granules) * HEIGHT - height, Math.max(0.7, x1 - x0), Math.max(0.7, height));
    }
    ctx.globalAlpha = 1;
  }, [now, kind.value, cu.value, from, to, layer, colours, granules]);

  const at = (event: PointerEvent): Life | undefined => {
    const element = canvas.current;
    if (!element || !now) return undefined;
    const cycle = from + (event.offsetX / element.clientWidth) * (to - from);
    const granule = Math.floor((1 - event.offsetY / HEIGHT) * granules);
    for (const life of livesOf(now.residencies, kind.value, cu.value)) {
      if (life.from <= cycle && cycle < life.to && life.granule <= granule && granule < life.granule + life.granules) return life;
    }
    return undefined;
  };
  const hover = (event: PointerEvent): void => {
    const life = at(event);
    under.value = life
      ? `${program.value?.layers[life.layer]?.name}: bytes ${formatCount(life.granule * GRANULE_BYTES)} to ${formatCount((life.granule + life.granules) * GRANULE_BYTES)}, cycles ${formatCount(life.from)} to ${formatCount(life.to)}`
      : '';
  };
  if (!now || !machine) return null;
  const kinds = ['maps', 'weights'] as const;
  return (
    <figure class="chart wide">
      <figcaption>Memory map over time: what lives where, in the colour of the layer that wrote it</figcaption>
      <div class="row">
        <fieldset class="segmented" aria-label="buffer">
          {kinds.map((name) => (
            <button key={name} type="button" aria-pressed={kind.value === name} onClick={() => (kind.value = name)}>
              {name}
            </button>
          ))}
        </fieldset>
        <fieldset class="segmented" aria-label="compute unit">
          {Array.from({ length: machine.computeUnits }, (_, i) => (
            <button key={i} type="button" aria-pressed={cu.value === i} onClick={() => (cu.value = i)}>
              CU {i}
            </button>
          ))}
        </fieldset>
        <button type="button" class="quiet" onClick={() => saveCanvas('memory-map.png', canvas.current)}>
          Save picture
        </button>
        <span class="muted under">{under.value || `cycles ${formatCount(from)} to ${formatCount(to)}; click selects the layer`}</span>
      </div>
      <canvas
        ref={canvas}
        class="memory-map"
        style={{ height: `${HEIGHT}px` }}
        aria-label={`lives of ${kind.value} of compute unit ${cu.value}`}
        role="img"
        onPointerMove={hover}
        onPointerUp={(event) => {
          const life = at(event);
          if (life) selectLayer(life.layer);
        }}
      />
    </figure>
  );
}
