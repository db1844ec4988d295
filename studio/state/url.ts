/** The address bar: network, machine, settings, view, selection and zoom, so that a view can be shared. Files are named, never sent. */
import { effect } from '@preact/signals';
import { MODELS, NUMBER_MODES, SCOPES } from '../../src/browser.ts';
import type { MachineChanges, MachineChoice } from './machine-choice.ts';
import {
  DEFAULT_SETTINGS,
  machineChoice,
  NOTHING,
  notice,
  otherChoice,
  range,
  run,
  type Selection,
  selectDescriptor,
  selection,
  settings,
  source,
  start,
  VIEWS,
  type ViewName,
  view,
  wantedFile,
} from './store.ts';

function encode(): string {
  const parts = new URLSearchParams();
  const from = source.value;
  if (from) parts.set(from.kind === 'zoo' ? 'net' : 'file', from.name);
  else if (wantedFile.value) parts.set('file', wantedFile.value);
  const { scope, batch, numbers, seed } = settings.value;
  if (scope !== DEFAULT_SETTINGS.scope) parts.set('scope', scope);
  if (batch !== DEFAULT_SETTINGS.batch) parts.set('batch', `${batch}`);
  if (numbers !== DEFAULT_SETTINGS.numbers) parts.set('numbers', numbers);
  if (seed !== DEFAULT_SETTINGS.seed) parts.set('seed', `${seed}`);
  const { preset, changes } = machineChoice.value;
  if (preset !== 'xc7z045') parts.set('machine', preset);
  if (Object.keys(changes).length > 0) parts.set('changes', JSON.stringify(changes));
  if (otherChoice.value) parts.set('other', JSON.stringify(otherChoice.value));
  if (view.value !== 'summary') parts.set('view', view.value);
  const { layer, descriptor } = selection.value;
  if (descriptor >= 0) parts.set('descriptor', `${descriptor}`);
  else if (layer >= 0) parts.set('layer', `${layer}`);
  if (range.value) parts.set('cycles', range.value.map((c) => Math.round(c)).join('-'));
  return parts.toString();
}

function oneOf<T extends string>(values: readonly T[], text: string | null, otherwise: T): T {
  return values.find((value) => value === text) ?? otherwise;
}

/** The selection of the link waits for the log: its descriptor is known only then. */
function restoreSelection(wanted: Selection, cycles: readonly [number, number] | undefined): void {
  selection.value = { ...NOTHING, layer: wanted.layer };
  range.value = cycles;
  const opened = run.value;
  if (wanted.descriptor < 0 || !opened) return;
  const dispose = effect(() => {
    if (!opened.timing.value) return;
    selectDescriptor(wanted.descriptor);
    queueMicrotask(() => dispose());
  });
}

/** A model that `snowflake studio MODEL` serves beside the page. */
async function openServed(name: string): Promise<void> {
  const response = await fetch(`open/${encodeURIComponent(name)}`);
  if (response.ok) start({ kind: 'file', name, file: new File([await response.arrayBuffer()], name) });
  else notice.value = `'${name}' is not served here; drop the file`;
}

/** Opens what the address bar names. */
export function restore(): void {
  const parts = new URLSearchParams(location.hash.slice(1));
  const number = (name: string, otherwise: number): number => {
    const value = Number(parts.get(name) ?? Number.NaN);
    return Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
  };
  settings.value = {
    scope: oneOf(SCOPES, parts.get('scope'), DEFAULT_SETTINGS.scope),
    numbers: oneOf(NUMBER_MODES, parts.get('numbers'), DEFAULT_SETTINGS.numbers),
    batch: Math.max(1, number('batch', DEFAULT_SETTINGS.batch)),
    seed: number('seed', DEFAULT_SETTINGS.seed),
  };
  try {
    const other = parts.get('other');
    if (other) otherChoice.value = JSON.parse(other) as MachineChoice;
    machineChoice.value = {
      preset: parts.get('machine') ?? 'xc7z045',
      changes: JSON.parse(parts.get('changes') ?? '{}') as MachineChanges,
    };
  } catch {
    notice.value = 'the link holds a machine that can not be read; the preset is used';
  }
  view.value = oneOf<ViewName>(VIEWS, parts.get('view'), 'summary');
  const file = parts.get('file');
  const name = parts.get('net');
  const served = parts.get('open');
  if (file) wantedFile.value = file;
  if (served) void openServed(served);
  if (!name) return;
  if (!Object.hasOwn(MODELS, name)) {
    notice.value = `the link names '${name}', which is no network of the zoo`;
    return;
  }
  start({ kind: 'zoo', name });
  const bounds = /^(\d+)-(\d+)$/.exec(parts.get('cycles') ?? '');
  const cycles = bounds && Number(bounds[2]) > Number(bounds[1]) ? ([Number(bounds[1]), Number(bounds[2])] as const) : undefined;
  restoreSelection({ ...NOTHING, layer: number('layer', -1), descriptor: number('descriptor', -1) }, cycles);
}

/** Keeps the address bar as the page is; a change of zoom makes no entry in the history. */
export function keepAddress(): void {
  let timer = 0;
  effect(() => {
    const hash = encode();
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (location.hash.slice(1) !== hash) history.replaceState(null, '', hash === '' ? location.pathname : `#${hash}`);
    }, 150);
  });
  window.addEventListener('hashchange', restore);
}
