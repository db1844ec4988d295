/** The machine: preset, sliders for what architects ask first, and the JSON of a machine file for everything else. */
import { signal, useSignal } from '@preact/signals';
import { formatBytes, type Machine, macCount, NUMBER_MODES, PRESETS, SCOPES } from '../../src/browser.ts';
import { changeValue, choiceOfJson, type MachineChoice, resolveMachine } from '../state/machine-choice.ts';
import { DEFAULT_MACHINE, machineChoice, notice, restart, type Settings, settings, source } from '../state/store.ts';

export const machineOpen = signal(false);

interface Slider {
  readonly title: string;
  readonly path: readonly string[];
  readonly values: readonly number[];
  readonly show: (value: number) => string;
  readonly read: (machine: Machine) => number;
}

const kilo = (n: number): number => n * 1024;
const SLIDERS: readonly Slider[] = [
  { title: 'compute units', path: ['computeUnits'], values: [1, 2, 4, 8], show: String, read: (m) => m.computeUnits },
  {
    title: 'maps buffer per CU',
    path: ['mapsBytes'],
    values: [16, 32, 64, 128, 256, 512].map(kilo),
    show: (v) => `${v / 1024} KB`,
    read: (m) => m.mapsBytes,
  },
  {
    title: 'weights buffer per vMAC',
    path: ['weightsBytes'],
    values: [8, 16, 24, 32, 48, 64].map(kilo),
    show: (v) => `${v / 1024} KB`,
    read: (m) => m.weightsBytes,
  },
  {
    title: 'DRAM bandwidth',
    path: ['dram', 'bytesPerSecond'],
    values: [0.525, 1.05, 2.1, 4.2, 8.4, 16.8].map((g) => g * 1e9),
    show: (v) => `${v / 1e9} GB/s`,
    read: (m) => m.dram.bytesPerSecond,
  },
  {
    title: 'DRAM read latency',
    path: ['dram', 'readLatency'],
    values: [10, 20, 40, 80, 160, 320],
    show: (v) => `${v} cycles`,
    read: (m) => m.dram.readLatency,
  },
  {
    title: 'clock',
    path: ['clockHz'],
    values: [100, 150, 200, 250, 300, 400].map((m) => m * 1e6),
    show: (v) => `${v / 1e6} MHz`,
    read: (m) => m.clockHz,
  },
  { title: 'queue depth', path: ['queueDepth'], values: [2, 4, 8, 16, 32, 64], show: String, read: (m) => m.queueDepth },
];

/** Machine of a choice, or the message why there is none. */
export function tryResolve(choice: MachineChoice): { readonly machine: Machine } | { readonly error: string } {
  try {
    return { machine: resolveMachine(choice) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

interface EditorProps {
  readonly choice: MachineChoice;
  readonly onChange: (choice: MachineChoice) => void;
  readonly id: string;
}

/** Preset and sliders of one machine. */
export function MachineEditor({ choice, onChange, id }: EditorProps) {
  const found = tryResolve(choice);
  const machine = 'machine' in found ? found.machine : PRESETS.xc7z045;
  return (
    <div class="machine-editor">
      <label>
        preset
        <select value={choice.preset} onChange={(e) => onChange({ preset: e.currentTarget.value, changes: {} })}>
          {Object.keys(PRESETS).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {SLIDERS.map(({ title, path, values, show, read }) => {
        const value = read(machine);
        const at = values.findIndex((v) => v >= value);
        return (
          <label key={title} class={value === read(PRESETS[choice.preset] ?? machine) ? '' : 'changed'}>
            <span>{title}</span>
            <input
              type="range"
              id={`${id}-${path.join('-')}`}
              min={0}
              max={values.length - 1}
              value={at < 0 ? values.length - 1 : at}
              aria-valuetext={show(value)}
              onChange={(e) => onChange(changeValue(choice, path, values[Number(e.currentTarget.value)]))}
            />
            <output>{show(value)}</output>
          </label>
        );
      })}
      {'error' in found && (
        <p class="error" role="alert">
          {found.error}
        </p>
      )}
    </div>
  );
}

function setMachine(choice: MachineChoice): void {
  machineChoice.value = choice;
  if ('machine' in tryResolve(choice)) restart();
}

function setSetting<K extends keyof Settings>(key: K, value: Settings[K]): void {
  settings.value = { ...settings.value, [key]: value };
  restart();
}

export function MachinePanel() {
  const text = useSignal<string | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const choice = machineChoice.value;
  const found = tryResolve(choice);
  const shownText = text.value ?? JSON.stringify({ extends: choice.preset, ...choice.changes }, null, 2);
  const applyJson = (): void => {
    try {
      setMachine(choiceOfJson(JSON.parse(shownText)));
      text.value = undefined;
      error.value = undefined;
    } catch (problem) {
      error.value = (problem as Error).message;
    }
  };
  return (
    <section class="panel machine-panel" aria-labelledby="machine-title">
      <h2 id="machine-title">Machine</h2>
      {'machine' in found && (
        <p class="muted">
          {macCount(found.machine)} MACs at {found.machine.clockHz / 1e6} MHz,{' '}
          {formatBytes(found.machine.computeUnits * (found.machine.mapsBytes + 4 * found.machine.weightsBytes))} of buffers
        </p>
      )}
      <MachineEditor choice={choice} onChange={setMachine} id="machine" />
      <button type="button" onClick={() => setMachine(DEFAULT_MACHINE)}>
        Back to the preset
      </button>
      <details>
        <summary>As a machine file (JSON)</summary>
        <textarea
          aria-label="machine file"
          rows={8}
          spellcheck={false}
          value={shownText}
          onInput={(e) => (text.value = e.currentTarget.value)}
        />
        {error.value && (
          <p class="error" role="alert">
            {error.value}
          </p>
        )}
        <button type="button" onClick={applyJson}>
          Use it
        </button>
      </details>
      <h2>Measurement</h2>
      <div class="machine-editor">
        <label>
          scope
          <select value={settings.value.scope} onChange={(e) => setSetting('scope', e.currentTarget.value as Settings['scope'])}>
            {SCOPES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          frames a batch
          <input
            type="number"
            min={1}
            max={64}
            value={settings.value.batch}
            onChange={(e) => {
              const batch = Number(e.currentTarget.value);
              if (Number.isInteger(batch) && batch > 0) setSetting('batch', batch);
              else notice.value = 'a batch has at least one frame';
            }}
          />
        </label>
        <label>
          numbers
          <select value={settings.value.numbers} onChange={(e) => setSetting('numbers', e.currentTarget.value as Settings['numbers'])}>
            {NUMBER_MODES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      {!source.value && <p class="muted">Changes take effect when a network is opened.</p>}
    </section>
  );
}
