/**
 * One run of a program on Verilated sf_top: DRAM image in; final image, event log and registers out. Documentation: hardware/README.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bytesPerCycle } from '../machine/machine.ts';
import type { Program } from '../program/program.ts';

/** Kinds of events in the log, in the numbering of tb/lockstep/main.cc. */
const EVENT_KINDS = ['go', 'start', 'readSignal', 'writeSignal'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface RtlEvent {
  readonly kind: EventKind;
  readonly unitId: number;
  readonly cycle: number;
  /** Index of the GO; events of other kinds: 0. */
  readonly instruction: number;
}

/** Causes of an error stop by number: cause_e of sf_types_pkg.sv. */
export const CAUSES = ['none', 'illegal', 'pc', 'window', 'axiRead', 'axiWrite', 'tokenOverflow', 'watchdog'] as const;
export type Cause = (typeof CAUSES)[number];

export interface RtlResult {
  readonly dram: Int16Array;
  readonly events: readonly RtlEvent[];
  /** Performance counters, hardware/README.md. Counter 0: the program's cycles. */
  readonly counters: readonly number[];
  readonly finished: boolean;
  readonly cause: Cause;
  /** Unit, engine or port of the error. */
  readonly causeUnit: number;
  readonly detail: number;
  readonly pc: number;
  /** Clock cycles from the start to the interrupt or the limit. */
  readonly ran: number;
  /** Processor time of that. */
  readonly seconds: number;
  /** Bursts that were asked for and never answered. */
  readonly unanswered: number;
  /** First breach of the AXI rules or access outside the window, '' without. */
  readonly breach: string;
  readonly fingerprint: number;
  /** After an error, or at the limit, and a soft reset: the status, cause and interrupt registers, and bursts that were never answered. */
  readonly afterReset?: { readonly status: number; readonly cause: number; readonly interrupts: number; readonly unanswered: number };
  /** The run of `recovery` behind it. */
  readonly recovered?: RtlResult;
}

export interface RtlOptions {
  /** Random latencies and back-pressure with this seed; 0 or absent: the memory of the specification. */
  readonly stress?: number;
  /** Number of the read or write burst that is answered with SLVERR. */
  readonly readError?: number;
  readonly writeError?: number;
  /** Its response: 2 SLVERR (default), 3 DECERR. */
  readonly response?: number;
  /** A program that is run after the first one's end and a soft reset, and its image. */
  readonly recovery?: { readonly program: Program; readonly image: Int16Array };
  /** Bytes of the DMA window; default: the whole image. */
  readonly windowBytes?: number;
  /** Cycles without progress that are an error. */
  readonly watchdog?: number;
  /** Arguments of the model itself: +name=value. */
  readonly plusArgs?: readonly string[];
  /** Cycles after which the harness gives up. */
  readonly limit?: number;
  /** Waveform file (FST) of the cycles [from, to]; needs a model built with waves. */
  readonly wave?: { readonly file: string; readonly from: number; readonly to: number };
}

const PAGE_WORDS = 2048;

/** The memory image of a run as words, a multiple of 4 KB long. */
function padImage(words: Int16Array): Int16Array {
  const padded = new Int16Array(Math.ceil(words.length / PAGE_WORDS) * PAGE_WORDS);
  padded.set(words);
  return padded;
}

/**
 * Runs a program on a model made by buildModel for the program's machine.
 * @param image DRAM before the run, `program.dramWords` words; not changed.
 * @throws Error when the harness itself fails.
 */
export function runRtl(model: string, program: Program, image: Int16Array, options: RtlOptions = {}): RtlResult {
  const { machine } = program;
  const folder = mkdtempSync(path.join(tmpdir(), 'snowflake-rtl-'));
  try {
    const file = (name: string): string => path.join(folder, name);
    const padded = padImage(image);
    writeFileSync(file('image'), new Uint8Array(padded.buffer));
    const { numerator, denominator } = bytesPerCycle(machine);
    const values: Record<string, string | number | undefined> = {
      image: file('image'),
      out: file('out'),
      log: file('log'),
      code: program.codeAddress,
      instructions: program.instructions.length,
      ports: machine.axi.ports,
      numerator,
      denominator,
      'read-latency': machine.dram.readLatency,
      'write-latency': machine.dram.writeLatency,
      stress: options.stress,
      'read-error': options.readError,
      'write-error': options.writeError,
      window: options.windowBytes,
      watchdog: options.watchdog,
      limit: options.limit,
      wave: options.wave?.file,
      'wave-from': options.wave?.from,
      'wave-to': options.wave?.to,
      response: options.response,
    };
    const { recovery } = options;
    if (recovery !== undefined) {
      writeFileSync(file('recover-image'), new Uint8Array(padImage(recovery.image).buffer));
      for (const name of ['image', 'out', 'log']) values[`recover-${name}`] = file(`recover-${name}`);
      values['recover-code'] = recovery.program.codeAddress;
      values['recover-instructions'] = recovery.program.instructions.length;
    }
    const args = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
    args.push(...(options.plusArgs ?? []));
    const report = JSON.parse(execFileSync(model, args, { encoding: 'utf8', maxBuffer: 1 << 26 })) as Report;
    const result = resultOf(report, file('out'), file('log'), image.length);
    if (report.recovered === undefined || recovery === undefined) return result;
    return { ...result, recovered: resultOf(report.recovered, file('recover-out'), file('recover-log'), recovery.image.length) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the harness prints. */
type Report = { readonly [name in 'ran' | 'seconds' | 'status' | 'cause' | 'detail' | 'pc' | 'unanswered' | 'fingerprint']: number } & {
  readonly breach: string;
  readonly counters: readonly number[];
  readonly afterReset?: RtlResult['afterReset'];
  readonly recovered?: Report;
};

function resultOf(report: Report, out: string, log: string, words: number): RtlResult {
  return {
    dram: wordsOf(readFileSync(out)).subarray(0, words),
    events: readEvents(readFileSync(log)),
    counters: report.counters,
    finished: (report.status & 2) !== 0,
    cause: CAUSES[report.cause & 15],
    causeUnit: report.cause >>> 16,
    detail: report.detail,
    pc: report.pc,
    ran: report.ran,
    seconds: report.seconds,
    unanswered: report.unanswered,
    breach: report.breach,
    fingerprint: report.fingerprint,
    afterReset: report.afterReset,
  };
}

function wordsOf(bytes: Buffer): Int16Array {
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function readEvents(bytes: Buffer): RtlEvent[] {
  const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const events: RtlEvent[] = [];
  for (let i = 0; i < words.length; i += 3) {
    events.push({ kind: EVENT_KINDS[words[i] >>> 8], unitId: words[i] & 255, cycle: words[i + 1], instruction: words[i + 2] });
  }
  return events;
}
