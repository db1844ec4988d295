/** The words of a buffer at the machine's cycle: as numbers, raw and scaled, and as the picture of a feature map. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { unitOf } from '../../src/browser.ts';
import { heatColour } from '../parts/colours.ts';
import { program, run, selection, timing } from '../state/store.ts';

const COLUMNS = 16;
const ROWS = 16;

interface Props {
  readonly space: 'maps' | 'weights' | 'dram';
  readonly cu: number;
  readonly cycle: number;
}

/** How words are read as a map: word of (y, x) = address + y · rowPitch + x · pixelPitch. */
interface Shape {
  readonly address: number;
  readonly width: number;
  readonly height: number;
  readonly pixelPitch: number;
  readonly rowPitch: number;
}

export function BufferPeek({ space, cu, cycle }: Props) {
  const vmac = useSignal(0);
  const fraction = useSignal(8);
  const form = useSignal<'numbers' | 'picture'>('numbers');
  const shape = useSignal<Shape>({ address: 0, width: 64, height: 32, pixelPitch: 1, rowPitch: 64 });
  const words = useSignal<Int16Array>(new Int16Array(0));
  const canvas = useRef<HTMLCanvasElement>(null);
  const code = program.value;
  const { address, width, height, pixelPitch, rowPitch } = shape.value;
  const count = form.value === 'numbers' ? COLUMNS * ROWS : Math.max(1, (height - 1) * rowPitch + (width - 1) * pixelPitch + 1);

  useEffect(() => {
    let current = true;
    run.value?.call('peek', { space, cu, vmac: vmac.value, address, words: count }).then(
      (found) => {
        if (current) words.value = found;
      },
      () => {},
    );
    return () => {
      current = false;
    };
  }, [space, cu, vmac.value, address, count, cycle]);

  useEffect(() => {
    const ctx = canvas.current?.getContext('2d');
    if (!ctx || form.value !== 'picture') return;
    const data = words.value;
    const image = ctx.createImageData(width, height);
    let [low, high] = [0, 1];
    for (const word of data) {
      low = Math.min(low, word);
      high = Math.max(high, word);
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const word = data[y * rowPitch + x * pixelPitch] ?? 0;
        const colour = heatColour((word - low) / (high - low));
        const rgb = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
        image.data.set([...rgb, 255], 4 * (y * width + x));
      }
    }
    ctx.putImageData(image, 0, 0);
  }, [words.value, form.value, width, height, pixelPitch, rowPitch]);

  const { descriptor } = selection.value;
  const unit = descriptor >= 0 ? unitOf(timing.value?.log.unitId[descriptor] ?? -1) : undefined;
  const walks = unit?.kind === 'MAC' || unit?.kind === 'VEC';
  const set = (change: Partial<Shape>): void => {
    shape.value = { ...shape.value, ...change };
  };
  /** The map that the selected instruction reads or writes, from its operands. */
  const fromDescriptor = async (which: 'src' | 'out'): Promise<void> => {
    const index = selection.value.descriptor;
    const d = await run.value?.call('descriptor', { index });
    if (d?.outWidth === undefined) return;
    const isOut = which === 'out';
    const pixelPitch = isOut ? d.outColStep : Math.max(1, Math.round(d.colStep / Math.max(1, d.strideW)));
    const rowPitch = isOut ? d.outRowStep : Math.max(1, Math.round(d.kRowStep / Math.max(1, d.dilationH)));
    // A ring holds some rows of the map, in the order of its rows.
    const ring = isOut ? d.outRing : d.srcRing;
    const all = isOut ? Math.ceil((d.x0 + d.count) / d.outWidth) : d.inHeight;
    set({
      address: isOut ? d.outBase : d.srcBase,
      width: isOut ? d.outWidth : d.inWidth,
      height: ring > 0 ? Math.max(1, Math.floor(ring / rowPitch)) : all,
      pixelPitch,
      rowPitch,
    });
    form.value = 'picture';
  };
  const fromTensor = (name: string): void => {
    const tensor = code?.tensors.find((t) => t.name === name);
    if (!tensor) return;
    fraction.value = tensor.fraction;
    set({ address: tensor.address, width: tensor.width, height: tensor.height, pixelPitch: tensor.pixelPitch, rowPitch: tensor.rowPitch });
    form.value = 'picture';
  };
  const number = (title: string, value: number, change: (value: number) => void): preact.JSX.Element => (
    <label>
      {title}{' '}
      <input
        type="number"
        min={title === 'fraction bits' ? -20 : 0}
        value={value}
        onChange={(event) => change(Math.trunc(Number(event.currentTarget.value)) || 0)}
      />
    </label>
  );
  return (
    <>
      <div class="row">
        <fieldset class="segmented" aria-label="shown as">
          {(['numbers', 'picture'] as const).map((name) => (
            <button key={name} type="button" aria-pressed={form.value === name} onClick={() => (form.value = name)}>
              {name}
            </button>
          ))}
        </fieldset>
        {number('address', address, (value) => set({ address: value }))}
        {space === 'weights' && number('vMAC', vmac.value, (value) => (vmac.value = Math.min(3, Math.max(0, value))))}
        {form.value === 'numbers' && number('fraction bits', fraction.value, (value) => (fraction.value = value))}
        {form.value === 'picture' && (
          <>
            {number('width', width, (value) => set({ width: Math.min(2048, Math.max(1, value)) }))}
            {number('height', height, (value) => set({ height: Math.min(2048, Math.max(1, value)) }))}
            {number('pixel pitch', pixelPitch, (value) => set({ pixelPitch: Math.max(1, value) }))}
            {number('row pitch', rowPitch, (value) => set({ rowPitch: Math.max(1, value) }))}
          </>
        )}
        {space === 'maps' && walks && (
          <>
            <button type="button" onClick={() => void fromDescriptor('src')}>
              Map that the instruction reads
            </button>
            <button type="button" onClick={() => void fromDescriptor('out')}>
              Map that it writes
            </button>
          </>
        )}
        {space === 'dram' && (
          <label>
            tensor{' '}
            <select onChange={(event) => fromTensor(event.currentTarget.value)}>
              <option value="">choose</option>
              {code?.tensors.map((tensor) => (
                <option key={tensor.name}>{tensor.name}</option>
              ))}
            </select>
          </label>
        )}
      </div>
      {form.value === 'numbers' ? (
        <div class="scroll-x">
          <table class="words" id="words">
            <tbody>
              {Array.from({ length: Math.ceil(words.value.length / COLUMNS) }, (_, row) => (
                <tr key={row}>
                  <th scope="row">{address + row * COLUMNS}</th>
                  {Array.from(words.value.subarray(row * COLUMNS, (row + 1) * COLUMNS), (word, column) => (
                    <td
                      key={column}
                      class={word === 0 ? 'zero' : ''}
                      title={`word ${address + row * COLUMNS + column}: ${word} = ${word / 2 ** fraction.value}`}
                    >
                      {word}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <canvas ref={canvas} class="picture" width={width} height={height} role="img" aria-label={`words from ${address} as a picture`} />
      )}
      {form.value === 'numbers' && <p class="muted">Raw words; the tooltip gives the value with {fraction.value} fraction bits.</p>}
    </>
  );
}
