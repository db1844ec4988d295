/** What is selected, wherever it was selected: the layer, and the instruction with its operands and why it waited. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import {
  CAUSE_TEXTS,
  formatBytes,
  formatCount,
  formatPercent,
  formatWord,
  LOST_CAUSES,
  macCount,
  UNIT_FIELDS,
  unitName,
  unitOf,
} from '../../src/browser.ts';
import { program, range, run, selection, timing, view } from '../state/store.ts';
import { CauseBar } from './cause-bar.tsx';
import { CAUSE_COLOURS, layerColour } from './colours.ts';

const fields = signal<{ readonly descriptor: number; readonly values: Readonly<Record<string, number>> } | undefined>(undefined);

const MASKS: ReadonlySet<string> = new Set(['waitRead', 'waitWrite', 'signalRead', 'signalWrite']);

function unitsOfMask(mask: number): string {
  const names: string[] = [];
  for (let unit = 0, rest = mask; rest !== 0; unit++, rest >>>= 1) if (rest & 1) names.push(unitName(unit) ?? `${unit}`);
  return names.length > 0 ? names.join(', ') : '–';
}

function LayerPart({ index }: { readonly index: number }) {
  const now = program.value;
  const figures = timing.value?.profile.figures;
  const info = now?.layers[index];
  const layer = figures?.layers[index];
  if (!now || !info) return null;
  const showTime = (): void => {
    const log = timing.value?.log;
    if (!log) return;
    let [from, to] = [Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < log.count; i++) {
      if (log.layer[i] !== index) continue;
      from = Math.min(from, log.start[i]);
      to = Math.max(to, log.end[i]);
    }
    range.value = [from, to];
    view.value = 'timeline';
  };
  return (
    <section>
      <h2>
        <i class="swatch" style={{ background: layerColour(index) }} /> {info.name}
      </h2>
      <p>{info.op}</p>
      <p class="muted">{info.schedule}</p>
      {layer && (
        <>
          <CauseBar cycles={layer.cycles} useful={layer.macs / macCount(now.machine)} lost={layer.lost} />
          <dl class="pairs">
            <dt>cycles</dt>
            <dd>{formatCount(layer.cycles)}</dd>
            <dt>occupancy</dt>
            <dd>{layer.macs > 0 ? formatPercent(layer.occupancy) : '–'}</dd>
            <dt>lanes per output</dt>
            <dd>{layer.lanesPerOutput}</dd>
            <dt>DRAM read, written</dt>
            <dd>
              {formatBytes(Math.round(layer.dramReadBytes))}, {formatBytes(Math.round(layer.dramWriteBytes))}
            </dd>
            <dt>weights image</dt>
            <dd>{formatBytes(info.weightBytes)}</dd>
            <dt>nodes</dt>
            <dd>{info.nodes.join(', ')}</dd>
          </dl>
          <ul class="lost">
            {LOST_CAUSES.filter((cause) => layer.lost[cause] > 0)
              .sort((a, b) => layer.lost[b] - layer.lost[a])
              .map((cause) => (
                <li key={cause} title={CAUSE_TEXTS[cause].meaning}>
                  <i class="swatch" style={{ background: CAUSE_COLOURS[cause] }} /> {CAUSE_TEXTS[cause].title}{' '}
                  <b>{formatCount(layer.lost[cause])}</b> <span class="muted">{formatPercent(layer.lost[cause] / layer.cycles)}</span>
                </li>
              ))}
          </ul>
          <button type="button" class="quiet" onClick={showTime}>
            Show on the timeline
          </button>
        </>
      )}
    </section>
  );
}

function DescriptorPart({ index }: { readonly index: number }) {
  const log = timing.value?.log;
  const now = program.value;
  useEffect(() => {
    if (fields.value?.descriptor === index) return;
    run.value?.call('descriptor', { index }).then(
      (values) => (fields.value = { descriptor: index, values }),
      () => (fields.value = undefined),
    );
  }, [index]);
  if (!log || !now) return null;
  const unit = unitOf(log.unitId[index]);
  if (!unit) return null;
  const instruction = log.instruction[index];
  const span = now.sourceMap.find((s) => s.first <= instruction && instruction < s.end);
  const values = fields.value?.descriptor === index ? fields.value.values : {};
  const causes = LOST_CAUSES.map((cause, c) => ({ cause, cycles: log.waits[index * LOST_CAUSES.length + c] })).filter((w) => w.cycles > 0);
  const duration = log.end[index] - log.start[index];
  return (
    <section id="descriptor">
      <h2>
        {unitName(log.unitId[index])} <span class="muted">instruction {instruction}</span>
      </h2>
      <p>
        <code>{formatWord(now.instructions[instruction])}</code> {span?.tile && <span class="muted">{span.tile}</span>}
      </p>
      <dl class="pairs">
        <dt>at the queue from</dt>
        <dd>{formatCount(log.arrival[index])}</dd>
        <dt>start</dt>
        <dd id="descriptor-start">{formatCount(log.start[index])}</dd>
        <dt>operands read</dt>
        <dd>{formatCount(log.readSignal[index])}</dd>
        <dt>results written</dt>
        <dd>{formatCount(log.end[index])}</dd>
        <dt>took</dt>
        <dd>{formatCount(duration)} cycles</dd>
      </dl>
      <h3>Why it waited</h3>
      {causes.length === 0 ? (
        <p class="muted">It did not: the unit went on at once.</p>
      ) : (
        <ul class="lost" id="waits">
          {causes.map(({ cause, cycles }) => (
            <li key={cause} title={CAUSE_TEXTS[cause].meaning}>
              <i class="swatch" style={{ background: CAUSE_COLOURS[cause] }} /> {CAUSE_TEXTS[cause].title} <b>{formatCount(cycles)}</b>{' '}
              cycles
            </li>
          ))}
        </ul>
      )}
      <h3>Operands</h3>
      <dl class="pairs fields">
        {UNIT_FIELDS[unit.kind].map(({ name, prose }) => (
          <>
            <dt title={prose}>{name}</dt>
            <dd>{values[name] === undefined ? '…' : MASKS.has(name) ? unitsOfMask(values[name]) : values[name]}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

export function Inspector() {
  const { layer, descriptor } = selection.value;
  return (
    <aside class="inspector" aria-label="selection">
      {layer < 0 && descriptor < 0 && (
        <p class="muted">
          Select a layer, a node, a slice or an instruction: it is explained here. <kbd>j</kbd> <kbd>k</kbd> step through the layers.
        </p>
      )}
      {descriptor >= 0 && <DescriptorPart index={descriptor} />}
      {layer >= 0 && <LayerPart index={layer} />}
    </aside>
  );
}
