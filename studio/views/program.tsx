/** The disassembly with its source map: searchable, linked with graph and timeline. Only the lines in sight are in the page. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { formatCount } from '../../src/browser.ts';
import { layerColour } from '../parts/colours.ts';
import { saveFile } from '../parts/download.ts';
import { Listing } from '../program/lines.ts';
import { addKeys } from '../state/keys.ts';
import { network, program, selectInstruction, selection, selectLayer, timing } from '../state/store.ts';

const LINE = 20;
const MARGIN = 12;

export function ProgramView() {
  const code = program.value;
  const log = timing.value?.log;
  const listing = useMemo(() => code && new Listing(code), [code]);
  const box = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  const found = useSignal(-1);
  const words = useSignal('');
  const { instruction, layer } = selection.value;

  // Descriptors by the instruction of their GO: a loop sends one GO several times.
  const sent = useMemo(() => {
    const map = new Map<number, number>();
    if (log) for (let i = log.count - 1; i >= 0; i--) map.set(log.instruction[i], i);
    return map;
  }, [log]);

  const scrollTo = (line: number): void => {
    const element = box.current;
    if (!element) return;
    const at = line * LINE;
    if (at < element.scrollTop + LINE || at > element.scrollTop + element.clientHeight - 2 * LINE)
      element.scrollTop = at - element.clientHeight / 3;
  };
  useEffect(() => {
    if (!listing || !code) return;
    if (instruction >= 0) scrollTo(listing.lineOf(instruction));
    else if (layer >= 0) {
      const span = code.sourceMap.find((s) => s.layer === layer);
      if (span) scrollTo(Math.max(0, listing.lineOf(span.first) - 1));
    }
  }, [instruction, layer, listing]);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => (height.value = element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const find = (direction: 1 | -1): void => {
    if (!listing || words.value === '') return;
    found.value = listing.find(words.value, found.value, direction);
    if (found.value < 0) return;
    scrollTo(found.value);
    const at = listing.at(found.value);
    if (at.instruction >= 0) selectInstruction(at.instruction);
    else if (code) selectLayer(code.sourceMap[at.span].layer);
  };
  const step = (direction: number): void => {
    if (!code) return;
    selectInstruction(Math.min(code.instructions.length - 1, Math.max(0, selection.value.instruction + direction)));
  };
  const act = useRef({ find, step });
  act.current = { find, step };
  useEffect(
    () =>
      addKeys([
        { keys: ['/'], title: 'search', group: 'Program', act: () => search.current?.focus() },
        { keys: ['n'], title: 'next match', group: 'Program', act: () => act.current.find(1) },
        { keys: ['N'], title: 'match before', group: 'Program', act: () => act.current.find(-1) },
        { keys: ['ArrowDown'], title: 'next instruction', group: 'Program', act: () => act.current.step(1) },
        { keys: ['ArrowUp'], title: 'instruction before', group: 'Program', act: () => act.current.step(-1) },
      ]),
    [],
  );

  if (!code || !listing) return null;
  const first = Math.max(0, Math.floor(top.value / LINE) - MARGIN);
  const end = Math.min(listing.count, Math.ceil((top.value + height.value) / LINE) + MARGIN);
  const lines = [];
  for (let line = first; line < end; line++) {
    const at = listing.at(line);
    if (at.span >= 0) {
      const span = code.sourceMap[at.span];
      lines.push(
        <button
          key={line}
          type="button"
          class={found.value === line ? 'line heading found' : 'line heading'}
          style={{ top: `${line * LINE}px` }}
          onClick={() => selectLayer(span.layer)}
        >
          <i class="swatch" style={{ background: layerColour(span.layer) }} /> {listing.heading(at.span)}
        </button>,
      );
      continue;
    }
    const descriptor = sent.get(at.instruction);
    const [mnemonic, ...operands] = listing.text(at.instruction).split(' ');
    const chosen = at.instruction === instruction;
    lines.push(
      <button
        key={line}
        type="button"
        class={`line${chosen ? ' selected' : ''}${found.value === line ? ' found' : ''}${mnemonic === 'GO' ? ' go' : ''}`}
        style={{ top: `${line * LINE}px` }}
        data-instruction={at.instruction}
        aria-pressed={chosen}
        onClick={() => selectInstruction(at.instruction)}
      >
        <span class="index">{at.instruction}</span>
        <span class="mnemonic">{mnemonic}</span>
        <span class="operands">{operands.join(' ')}</span>
        {descriptor !== undefined && log && (
          <span class="when">
            starts {formatCount(log.start[descriptor])}, takes {formatCount(log.end[descriptor] - log.start[descriptor])}
          </span>
        )}
      </button>,
    );
  }
  const save = (): void => {
    const text = Array.from({ length: listing.count }, (_, line) => {
      const at = listing.at(line);
      return at.span >= 0 ? `; ${listing.heading(at.span)}` : `  ${listing.text(at.instruction)}`;
    });
    saveFile(`${network.value?.name}.s`, `${text.join('\n')}\n`);
  };
  return (
    <div class="view full program">
      <div class="toolbar">
        <input
          ref={search}
          type="search"
          placeholder="search: GO, MAC.outBase, conv2, an index"
          aria-label="search the program"
          value={words.value}
          onInput={(event) => {
            words.value = event.currentTarget.value;
            found.value = -1;
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter') find(event.shiftKey ? -1 : 1);
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
        <button type="button" onClick={() => find(1)} disabled={words.value === ''}>
          Next <kbd>n</kbd>
        </button>
        <span class="muted" aria-live="polite">
          {words.value !== '' && found.value < 0 ? 'Enter searches' : ''}
        </span>
        <span class="space" />
        <span class="muted">
          {formatCount(code.instructions.length)} instructions, {code.sourceMap.length} tiles
        </span>
        <button type="button" onClick={save}>
          Save listing
        </button>
      </div>
      <div ref={box} class="listing" onScroll={(event) => (top.value = event.currentTarget.scrollTop)}>
        <div style={{ height: `${listing.count * LINE}px` }}>{lines}</div>
      </div>
    </div>
  );
}
