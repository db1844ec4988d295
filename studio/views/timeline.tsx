/** All units over cycles, from the whole network down to one instruction; bandwidth, occupancy and fill below. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatCount, formatNumber, formatPercent } from '../../src/browser.ts';
import { saveCanvas } from '../parts/download.ts';
import { saveProfile } from '../parts/exports.tsx';
import { addKeys } from '../state/keys.ts';
import { program, range, selectDescriptor, selection, selectLayer, timing } from '../state/store.ts';
import { theme } from '../state/theme.ts';
import { zoomAround } from '../timeline/navigation.ts';
import { TimelinePainter } from '../timeline/painter.ts';

export function TimelineView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const now = timing.value;
  const code = program.value;
  const painter = useMemo(() => (now && code ? new TimelinePainter(now, code) : undefined), [now, code]);
  const cycles = now?.cycles ?? 1;
  const [from, to] = range.value ?? [0, cycles];
  const { layer, descriptor } = selection.value;
  const colours = theme.value;

  const show = (next: readonly [number, number]): void => {
    const span = Math.min(cycles, Math.max(8, next[1] - next[0]));
    const start = Math.min(cycles - span, Math.max(0, next[0]));
    range.value = span >= cycles ? undefined : [start, start + span];
  };
  const zoom = (factor: number, at = (from + to) / 2): void => show(zoomAround([from, to], factor, at));
  const pan = (share: number): void => show([from + share * (to - from), to + share * (to - from)]);
  const toSelection = (): void => {
    if (!now) return;
    const { log } = now;
    if (descriptor >= 0) {
      const margin = Math.max(20, (log.end[descriptor] - log.start[descriptor]) * 0.5);
      show([log.start[descriptor] - margin, log.end[descriptor] + margin]);
    } else if (layer >= 0) {
      const span = painter?.spanOfLayer(layer);
      if (span) show(span);
    }
  };
  const step = (direction: number): void => {
    const next = painter?.neighbour(descriptor, direction);
    if (next === undefined) return;
    selectDescriptor(next);
    if (now && (now.log.start[next] < from || now.log.start[next] > to)) {
      const half = (to - from) / 2;
      show([now.log.start[next] - half, now.log.start[next] + half]);
    }
  };
  // The keys act on what is shown now, not on what was when they were added.
  const act = useRef({ zoom, pan, toSelection, step, all: () => (range.value = undefined) });
  act.current = { zoom, pan, toSelection, step, all: () => (range.value = undefined) };

  useEffect(
    () =>
      addKeys([
        { keys: ['w', '+'], title: 'zoom in', group: 'Timeline', act: () => act.current.zoom(0.5) },
        { keys: ['s', '-'], title: 'zoom out', group: 'Timeline', act: () => act.current.zoom(2) },
        { keys: ['a', 'ArrowLeft'], title: 'earlier', group: 'Timeline', act: () => act.current.pan(-0.25) },
        { keys: ['d', 'ArrowRight'], title: 'later', group: 'Timeline', act: () => act.current.pan(0.25) },
        { keys: ['f'], title: 'zoom to the selection', group: 'Timeline', act: () => act.current.toSelection() },
        { keys: ['0'], title: 'the whole run', group: 'Timeline', act: () => act.current.all() },
        { keys: ['.'], title: 'next slice of the unit', group: 'Timeline', act: () => act.current.step(1) },
        { keys: [','], title: 'slice before', group: 'Timeline', act: () => act.current.step(-1) },
      ]),
    [],
  );

  useEffect(() => {
    const element = canvas.current;
    if (!element || !painter) return;
    const draw = (): void => painter.draw(element, [from, to], selection.value);
    // In the frame that shows it: a burst of wheel events draws once.
    const frame = requestAnimationFrame(draw);
    const observer = new ResizeObserver(() => requestAnimationFrame(draw));
    observer.observe(element.parentElement!);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
    };
  }, [painter, from, to, layer, descriptor, colours]);

  useEffect(() => {
    const element = canvas.current;
    if (!element || !painter) return;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const [start, end] = range.value ?? [0, cycles];
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        const shift = ((event.deltaX || event.deltaY) / painter.width) * (end - start);
        show([start + shift, end + shift]);
      } else show(zoomAround([start, end], 1.0015 ** event.deltaY, painter.cycleAt(event.offsetX, [start, end])));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [painter]);

  const drag = useRef<{ x: number; range: readonly [number, number]; moved: boolean } | undefined>(undefined);
  const onPointerDown = (event: PointerEvent): void => {
    drag.current = { x: event.clientX, range: [from, to], moved: false };
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent): void => {
    const grab = drag.current;
    if (grab && painter) {
      const shift = ((grab.x - event.clientX) / painter.width) * (grab.range[1] - grab.range[0]);
      if (Math.abs(event.clientX - grab.x) > 3) grab.moved = true;
      if (grab.moved) show([grab.range[0] + shift, grab.range[1] + shift]);
    }
    hover(event);
  };
  const onPointerUp = (event: PointerEvent): void => {
    const grab = drag.current;
    drag.current = undefined;
    if (!grab || grab.moved || !painter) return;
    const hit = painter.hit(event.offsetX, event.offsetY, [from, to]);
    if (!hit) return;
    if (hit.row.kind === 'layers') selectLayer(hit.row.layer[hit.index]);
    else selectDescriptor(hit.row.descriptor[hit.index]);
  };
  const hover = (event: PointerEvent): void => {
    const box = tip.current;
    if (!box || !painter) return;
    const text = painter.describe(event.offsetX, event.offsetY, [from, to]);
    box.hidden = text === undefined;
    if (text === undefined) return;
    box.textContent = text;
    const parent = (event.currentTarget as HTMLElement).parentElement!.getBoundingClientRect();
    box.style.left = `${Math.min(event.clientX - parent.left + 14, parent.width - box.offsetWidth - 8)}px`;
    box.style.top = `${Math.min(event.clientY - parent.top + 16, parent.height - box.offsetHeight - 8)}px`;
  };

  if (!now || !code) return null;
  const selected = descriptor >= 0 ? `, slice of instruction ${now.log.instruction[descriptor]} selected` : '';
  return (
    <div class="view full timeline">
      <div class="toolbar">
        <span id="timeline-range">
          cycles <b>{formatCount(from)}</b> to <b>{formatCount(to)}</b>
        </span>
        <span class="muted">
          {formatNumber((1e6 * (to - from)) / code.machine.clockHz)} µs, {formatPercent((to - from) / cycles)} of the run,{' '}
          {formatCount(now.log.count)} slices
        </span>
        <span class="space" />
        <button type="button" onClick={() => zoom(0.5)} title="zoom in (w)" aria-label="zoom in">
          +
        </button>
        <button type="button" onClick={() => zoom(2)} title="zoom out (s)" aria-label="zoom out">
          −
        </button>
        <button type="button" onClick={toSelection} disabled={layer < 0 && descriptor < 0}>
          To selection <kbd>f</kbd>
        </button>
        <button type="button" onClick={() => (range.value = undefined)}>
          Whole run <kbd>0</kbd>
        </button>
        <button type="button" onClick={() => void saveProfile('trace')} title="a Chrome trace of the whole run; Perfetto opens it">
          Trace
        </button>
        <button type="button" title="save what is shown as a picture" onClick={() => saveCanvas('timeline.png', canvas.current)}>
          Picture
        </button>
      </div>
      <div class="timeline-box">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a canvas with keys of its own */}
        <canvas
          ref={canvas}
          id="timeline"
          tabIndex={0}
          role="application"
          aria-label={`timeline: ${painter?.rowTitles() ?? ''}${selected}; keys w and s zoom, a and d move, comma and full stop step through slices`}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerLeave={() => tip.current?.setAttribute('hidden', '')}
        />
        <div ref={tip} class="tip" hidden />
      </div>
    </div>
  );
}
