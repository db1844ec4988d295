/** One network on one machine: its worker, how far it is, and what it found. The page shows one, Compare two. */
import { signal } from '@preact/signals';
import type {
  BitsView,
  CallName,
  Calls,
  JobOptions,
  NetworkSource,
  NetworkView,
  ProgramView,
  Reply,
  Request,
  Stage,
  TimingView,
} from '../worker/protocol.ts';

export type Status =
  | { readonly kind: 'running'; readonly stage: Stage; readonly fraction: number; readonly what: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly message: string; readonly node?: string };

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class Run {
  readonly source: NetworkSource;
  readonly options: JobOptions;
  readonly status = signal<Status>({ kind: 'running', stage: 'read', fraction: 0, what: '' });
  readonly network = signal<NetworkView | undefined>(undefined);
  readonly program = signal<ProgramView | undefined>(undefined);
  readonly timing = signal<TimingView | undefined>(undefined);
  readonly bits = signal<BitsView | undefined>(undefined);
  readonly compileSeconds = signal(0);
  readonly simulateSeconds = signal(0);
  /** From the user's wish to cycles, bits and timeline on the screen. */
  readonly resultSeconds = signal(0);
  readonly #started = performance.now();
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;

  constructor(source: NetworkSource, options: JobOptions) {
    this.source = source;
    this.options = options;
    this.#worker = new Worker(new URL('../worker/engine-worker.ts', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#receive(data);
    this.#worker.onerror = (event) => this.#fail(event.message || 'the engine stopped unexpectedly: is there enough memory?');
    this.#post({ type: 'open', source, options });
  }

  /** Asks the opened network something. Rejects with the engine's message. */
  call<M extends CallName>(method: M, argument: Calls[M]['argument']): Promise<Calls[M]['value']> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: never) => void, reject });
      this.#post({ type: 'call', id, method, argument });
    });
  }

  /** Ends the worker: nothing comes any more. What was found so far stays. */
  cancel(): void {
    this.#worker.terminate();
    if (this.status.value.kind === 'running') this.status.value = { kind: 'cancelled' };
    for (const { reject } of this.#pending.values()) reject(new Error('cancelled'));
    this.#pending.clear();
  }

  #post(request: Request): void {
    this.#worker.postMessage(request);
  }

  #fail(message: string, node?: string): void {
    this.status.value = { kind: 'failed', message, node };
    this.#worker.terminate();
  }

  #receive(reply: Reply): void {
    switch (reply.type) {
      case 'progress':
        this.status.value = { kind: 'running', stage: reply.stage, fraction: reply.fraction, what: reply.what };
        return;
      case 'network':
        this.network.value = reply.network;
        return;
      case 'program':
        this.compileSeconds.value = reply.seconds;
        this.program.value = reply.program;
        return;
      case 'timing':
        this.timing.value = reply.timing;
        return;
      case 'simulated':
        this.simulateSeconds.value = reply.seconds;
        this.resultSeconds.value = (performance.now() - this.#started) / 1000;
        return;
      case 'bits':
        this.bits.value = reply.bits;
        this.status.value = { kind: 'done' };
        return;
      case 'done':
        this.status.value = { kind: 'done' };
        return;
      case 'failed':
        this.#fail(reply.message, reply.node);
        return;
      case 'answer': {
        const pending = this.#pending.get(reply.id);
        this.#pending.delete(reply.id);
        if (reply.error !== undefined) pending?.reject(new Error(reply.error));
        else pending?.resolve(reply.value as never);
      }
    }
  }
}
