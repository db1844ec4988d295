/** Where to stop: at an instruction, a layer, a cycle, a token, a buffer address. Times come from the commit log and the lives of the buffers. */
import { GRANULE_BYTES } from '../../src/browser.ts';
import type { Run } from '../state/run.ts';

export const BREAK_KINDS = ['layer', 'instruction', 'cycle', 'token', 'address'] as const;
export type BreakKind = (typeof BREAK_KINDS)[number];

export interface Breakpoint {
  readonly kind: BreakKind;
  /** Number, "LDM→MAC0" for a token, "CU:word" for an address. */
  readonly text: string;
}

/** What may be written. */
export const BREAK_HINTS: Readonly<Record<BreakKind, string>> = {
  layer: 'name or index of a layer',
  instruction: 'index of an instruction: the GO from there on',
  cycle: 'a cycle',
  token: 'FROM>TO, e.g. LDM>MAC0',
  address: 'CU:WORD of a maps buffer, e.g. 0:4096',
};

const GRANULE_WORDS = GRANULE_BYTES / 2;

/** @throws Error with a message for people when the text is no such place */
export function parseBreakpoint(kind: BreakKind, text: string, run: Run): Breakpoint {
  const words = text.trim();
  const layers = run.program.value?.layers ?? [];
  const fail = (): never => {
    throw new Error(`'${words}': expected ${BREAK_HINTS[kind]}`);
  };
  switch (kind) {
    case 'layer': {
      const named = layers.findIndex((layer) => layer.name === words);
      const index = named >= 0 ? named : /^\d+$/.test(words) ? Number(words) : -1;
      return index >= 0 && index < layers.length ? { kind, text: layers[index].name } : fail();
    }
    case 'instruction':
    case 'cycle':
      return /^\d+$/.test(words) ? { kind, text: words } : fail();
    case 'token':
      return /^[A-Z]+\d?>[A-Z]+\d?$/.test(words) ? { kind, text: words } : fail();
    case 'address':
      return /^\d+:\d+$/.test(words) ? { kind, text: words } : fail();
  }
}

/** First cycle after `after` at which a breakpoint is reached; undefined for never. */
export async function nextBreak({ kind, text }: Breakpoint, after: number, run: Run): Promise<number | undefined> {
  const timing = run.timing.value;
  const program = run.program.value;
  if (!timing || !program) return undefined;
  const { log } = timing;
  let best = Number.POSITIVE_INFINITY;
  const consider = (cycle: number): void => {
    if (cycle > after && cycle < best) best = cycle;
  };
  switch (kind) {
    case 'cycle':
      consider(Number(text));
      break;
    case 'instruction': {
      const wanted = Number(text);
      let nearest = Number.POSITIVE_INFINITY;
      for (let i = 0; i < log.count; i++) if (log.instruction[i] >= wanted) nearest = Math.min(nearest, log.instruction[i]);
      for (let i = 0; i < log.count; i++) if (log.instruction[i] === nearest) consider(log.go[i]);
      break;
    }
    case 'layer': {
      const layer = program.layers.findIndex((l) => l.name === text);
      for (let i = 0; i < log.count; i++) if (log.layer[i] === layer) consider(log.start[i]);
      break;
    }
    case 'token': {
      const [from, to] = text.split('>');
      const cycle = await run.call('findToken', { from, to, after });
      if (cycle >= 0) consider(cycle);
      break;
    }
    case 'address': {
      const [cu, word] = text.split(':').map(Number);
      const granule = Math.floor(word / GRANULE_WORDS);
      for (const { from, maps } of timing.residencies) {
        for (let i = 0; i < maps.count; i++) {
          if (maps.cu[i] === cu && maps.granule[i] <= granule && granule < maps.granule[i] + maps.granules[i])
            consider(maps.from[i] + from);
        }
      }
    }
  }
  return Number.isFinite(best) ? best : undefined;
}
