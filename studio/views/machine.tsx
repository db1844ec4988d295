/** The machine alive: step by event, instruction or layer, run to a breakpoint; every block shows what it holds and explains itself. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { formatCount } from '../../src/browser.ts';
import { BREAK_HINTS, BREAK_KINDS, type BreakKind, type Breakpoint, nextBreak, parseBreakpoint } from '../machine/breakpoints.ts';
import { BlockDetails } from '../machine/details.tsx';
import { type Block, Diagram } from '../machine/diagram.tsx';
import { saveSvg } from '../parts/download.ts';
import { addKeys } from '../state/keys.ts';
import type { Run } from '../state/run.ts';
import { notice, run, selection, timing } from '../state/store.ts';
import type { MachineView as State } from '../worker/protocol.ts';

const state = signal<{ readonly run: Run; readonly view: State } | undefined>(undefined);
const busy = signal(false);
const block = signal<Block>({ kind: 'core', cu: -1 });
const breakpoints = signal<readonly Breakpoint[]>([]);
/** Steps by itself, an event at a time. */
const playing = signal(false);
const PLAY_MS = 250;

const breakKind = signal<BreakKind>('layer');

async function seek(cycle: number): Promise<void> {
  const now = run.value;
  if (!now || busy.value) return;
  busy.value = true;
  try {
    state.value = { run: now, view: await now.call('seek', { cycle }) };
  } catch (error) {
    notice.value = (error as Error).message;
  } finally {
    busy.value = false;
  }
}

/** The latest event before a cycle. */
function eventBefore(cycle: number): number {
  const log = timing.value?.log;
  let best = 0;
  if (!log) return best;
  for (let i = 0; i < log.count; i++) {
    for (const time of [log.go[i], log.start[i], log.readSignal[i], log.end[i]]) if (time < cycle && time > best) best = time;
  }
  return best;
}

/** The first start of the layer after the one that works now. */
function nextLayer(cycle: number): number {
  const now = timing.value;
  if (!now) return cycle;
  const { log } = now;
  let current = -1;
  for (let i = 0; i < log.count; i++) if (log.start[i] <= cycle && log.layer[i] > current) current = log.layer[i];
  let best = now.cycles;
  for (let i = 0; i < log.count; i++) if (log.layer[i] > current && log.start[i] > cycle) best = Math.min(best, log.start[i]);
  return best;
}

async function runToBreak(cycle: number): Promise<void> {
  const now = run.value;
  if (!now) return;
  const found = (await Promise.all(breakpoints.value.map((point) => nextBreak(point, cycle, now)))).filter((c) => c !== undefined);
  if (found.length === 0) notice.value = breakpoints.value.length === 0 ? 'there is no breakpoint' : 'no breakpoint is reached any more';
  else await seek(Math.min(...found));
}

export function MachineView() {
  const now = run.value;
  const cycles = timing.value?.cycles ?? 0;
  const input = useRef<HTMLInputElement>(null);
  const view = state.value?.run === now ? state.value?.view : undefined;
  const log = timing.value?.log;
  const at = view?.cycle ?? 0;
  const steps = {
    event: () => void seek(view?.next.event ?? 0),
    back: () => void seek(eventBefore(at)),
    // Between two GOs the core executes one instruction a cycle; at a full queue the next one is the GO itself.
    instruction: () => void seek(view ? nextInstruction(view) : 0),
    layer: () => void seek(nextLayer(at)),
    run: () => void runToBreak(at),
    start: () => void seek(0),
    play: () => (playing.value = !playing.value),
  };
  const act = useRef(steps);
  act.current = steps;
  useEffect(() => {
    if (!playing.value) return;
    if (view?.finished) {
      playing.value = false;
      return;
    }
    const timer = setTimeout(() => act.current.event(), PLAY_MS);
    return () => clearTimeout(timer);
  }, [playing.value, view]);
  useEffect(
    () => () => {
      playing.value = false;
    },
    [],
  );
  useEffect(() => {
    // Where the selection is, else at the first event.
    const { descriptor } = selection.value;
    if (!view && log) void seek(descriptor >= 0 ? log.start[descriptor] : log.start[0]);
  }, [now, log]);
  useEffect(
    () =>
      addKeys([
        { keys: ['n', 'ArrowRight'], title: 'next event', group: 'Machine', act: () => act.current.event() },
        { keys: ['p', 'ArrowLeft'], title: 'event before', group: 'Machine', act: () => act.current.back() },
        { keys: ['i'], title: 'next instruction', group: 'Machine', act: () => act.current.instruction() },
        { keys: [' '], title: 'play and pause', group: 'Machine', act: () => act.current.play() },
        { keys: ['l'], title: 'next layer', group: 'Machine', act: () => act.current.layer() },
        { keys: ['b'], title: 'run to a breakpoint', group: 'Machine', act: () => act.current.run() },
        { keys: ['g'], title: 'go to a cycle', group: 'Machine', act: () => input.current?.select() },
      ]),
    [],
  );
  if (!now || !timing.value) return null;
  return (
    <div class="view machine">
      <div class="toolbar steps">
        <button type="button" onClick={steps.start} title="back to the start">
          Reset
        </button>
        <button type="button" onClick={steps.back} disabled={!view} title="the event before">
          ◀ Event <kbd>p</kbd>
        </button>
        <button type="button" onClick={steps.play} disabled={!view} aria-pressed={playing.value}>
          {playing.value ? 'Pause' : 'Play'}
        </button>
        <button type="button" id="step-event" onClick={steps.event} disabled={!view}>
          Event ▶ <kbd>n</kbd>
        </button>
        <button type="button" id="step-instruction" onClick={steps.instruction} disabled={!view}>
          Instruction ▶ <kbd>i</kbd>
        </button>
        <button type="button" id="step-layer" onClick={steps.layer} disabled={!view}>
          Layer ▶ <kbd>l</kbd>
        </button>
        <label>
          cycle{' '}
          <input
            ref={input}
            id="cycle"
            type="number"
            min={0}
            max={cycles}
            value={at}
            onChange={(event) => void seek(Number(event.currentTarget.value) || 0)}
          />
        </label>
        <span class="muted">of {formatCount(cycles)}</span>
        <input
          class="seek"
          type="range"
          min={0}
          max={cycles}
          value={at}
          aria-label="cycle"
          onChange={(event) => void seek(Number(event.currentTarget.value))}
        />
        <button
          type="button"
          onClick={() => saveSvg(`machine-${at}.svg`, document.querySelector<SVGSVGElement>('svg.diagram'))}
          disabled={!view}
        >
          Save SVG
        </button>
        <span class="muted" aria-live="polite">
          {busy.value ? 'executing …' : ''}
        </span>
      </div>
      <Breakpoints run={now} onRun={steps.run} />
      {view && (
        <div class="machine-body">
          <Diagram state={view} chosen={block.value} onChoose={(next) => (block.value = next)} />
          <BlockDetails state={view} block={block.value} />
        </div>
      )}
    </div>
  );
}

/** Cycle of the next instruction: the core is at `pc` and has not executed it yet. */
function nextInstruction(view: State): number {
  return Math.min(view.cycle + 1, view.next.go);
}

function Breakpoints({ run: now, onRun }: { readonly run: Run; readonly onRun: () => void }) {
  const text = useRef<HTMLInputElement>(null);
  const add = (): void => {
    try {
      breakpoints.value = [...breakpoints.value, parseBreakpoint(breakKind.value, text.current?.value ?? '', now)];
      if (text.current) text.current.value = '';
    } catch (error) {
      notice.value = (error as Error).message;
    }
  };
  return (
    <div class="toolbar breakpoints">
      <label>
        stop at{' '}
        <select id="break-kind" value={breakKind.value} onChange={(event) => (breakKind.value = event.currentTarget.value as BreakKind)}>
          {BREAK_KINDS.map((kind) => (
            <option key={kind}>{kind}</option>
          ))}
        </select>
      </label>
      <input
        ref={text}
        id="break-text"
        type="text"
        aria-label={BREAK_HINTS[breakKind.value]}
        placeholder={BREAK_HINTS[breakKind.value]}
        onKeyDown={(event) => event.key === 'Enter' && add()}
      />
      <button type="button" onClick={add}>
        Add
      </button>
      {breakpoints.value.map((point, i) => (
        <button
          key={`${point.kind}${point.text}`}
          type="button"
          class="chip"
          title="remove"
          onClick={() => (breakpoints.value = breakpoints.value.filter((_, k) => k !== i))}
        >
          {point.kind} {point.text} ×
        </button>
      ))}
      <button type="button" class="primary" id="run-to-break" onClick={onRun} disabled={breakpoints.value.length === 0}>
        Run ▶ <kbd>b</kbd>
      </button>
    </div>
  );
}
