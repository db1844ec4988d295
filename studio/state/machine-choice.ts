/** A machine as the page chooses it: a preset and what differs from it, in the form of a machine file. */
import { type Machine, PRESETS, parseMachine } from '../../src/browser.ts';

/** Differences from a preset: the fields of a machine file, `extends` left out. */
export type MachineChanges = Readonly<Record<string, unknown>>;

export interface MachineChoice {
  readonly preset: string;
  readonly changes: MachineChanges;
}

/** @throws InputError when the machine is impossible */
export function resolveMachine({ preset, changes }: MachineChoice): Machine {
  return parseMachine({ ...changes, extends: preset }, 'machine');
}

/** The choice that a machine file (parsed JSON) stands for. @throws InputError when it is impossible */
export function choiceOfJson(json: unknown): MachineChoice {
  const machine = parseMachine(json, 'machine');
  const preset =
    typeof json === 'object' && json !== null && 'extends' in json && typeof json.extends === 'string' ? json.extends : 'xc7z045';
  return { preset, changes: differences(PRESETS[preset] as never, machine as never) };
}

type Plain = { readonly [key: string]: unknown };

/** Fields of `to` that are not as in `from`, nested. */
export function differences(from: Plain, to: Plain): MachineChanges {
  const found: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(to)) {
    const old = from[key];
    if (typeof value === 'object' && value !== null && typeof old === 'object' && old !== null) {
      const inner = differences(old as Plain, value as Plain);
      if (Object.keys(inner).length > 0) found[key] = inner;
    } else if (value !== old) found[key] = value;
  }
  return found;
}

/** The choice with the value at `path` (e.g. dram.bytesPerSecond) changed; equal to the preset's, it is no change any more. */
export function changeValue(choice: MachineChoice, path: readonly string[], value: number): MachineChoice {
  const machine = structuredClone(resolveMachine({ preset: choice.preset, changes: {} })) as Record<string, unknown>;
  const merged = mergeInto(machine, choice.changes);
  let at = merged;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[path[path.length - 1]] = value;
  return { preset: choice.preset, changes: differences(PRESETS[choice.preset] as never, merged) };
}

function mergeInto(target: Record<string, unknown>, changes: MachineChanges): Record<string, unknown> {
  for (const [key, value] of Object.entries(changes)) {
    const old = target[key];
    if (typeof value === 'object' && value !== null && typeof old === 'object' && old !== null)
      mergeInto(old as Record<string, unknown>, value as MachineChanges);
    else target[key] = value;
  }
  return target;
}
