/**
 * The store engine ST: reads lines of one CU's maps through port B, collects them in two burst buffers, writes bursts to DRAM.
 * Specification: docs/microarchitecture.md, sections 6 and 9 (T17, T18). Twin: sf_st.sv.
 */
import type { Account } from './account.ts';
import type { Clocked } from './clock.ts';
import type { Context } from './context.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { BurstStream, type Memory, type MemoryClient, NEXT_OFFER, ST_ENGINE } from './memory.ts';
import { type PortB, type PortClient, ST_READ } from './port-b.ts';
import type { UnitQueue } from './queue.ts';
import type { Tokens } from './tokens.ts';

const NOTHING = -1;
/** Burst buffers: one is filled while the other waits for the memory. */
const BUFFERS = 2;

export class StoreEngine implements Clocked, MemoryClient, PortClient {
  readonly #queue: UnitQueue;
  readonly #memory: Memory;
  readonly #ports: readonly PortB[];
  readonly #tokens: Tokens;
  readonly #table: DescriptorTable;
  readonly #account: Account;
  readonly #dmaSetup: number;
  readonly #readLatencyMaps: number;

  // --- reading ---
  #current = NOTHING;
  #port: PortB;
  readonly #bursts: BurstStream;
  #linesLeft = 0;
  /** Earliest cycle of the request that waits for a burst buffer; −1 when none waits. */
  #waitingSince = NOTHING;

  // --- burst buffers, a ring: taken at the first line's request, returned at the acceptance ---
  #taken = 0;
  #oldest = 0;
  readonly #line = new Float64Array(BUFFERS);
  readonly #lines = new Int32Array(BUFFERS);
  readonly #owner = new Int32Array(BUFFERS);
  readonly #isLast = new Uint8Array(BUFFERS);
  /** Cycle from which a full buffer may be offered; Infinity while it is filled. */
  readonly #fullAt = new Float64Array(BUFFERS);
  /** Cycle from which an empty buffer may be taken. */
  readonly #emptyAt = new Float64Array(BUFFERS);
  #lastAcceptance = -NEXT_OFFER;
  /** Latest response to a burst so far: ports differ in their backlog, the last burst's response need not be the last to come. */
  #lastResponse = 0;
  #lastSignal = 0;

  constructor(context: Context, queue: UnitQueue, memory: Memory, ports: readonly PortB[]) {
    const { machine, clock, table, tokens, account } = context;
    this.#queue = queue;
    this.#memory = memory;
    this.#ports = ports;
    this.#port = ports[0];
    this.#tokens = tokens;
    this.#table = table;
    this.#account = account;
    this.#dmaSetup = machine.latency.dmaSetup;
    this.#readLatencyMaps = machine.latency.readLatencyMaps;
    this.#bursts = new BurstStream(machine.axi.burstLines);
    for (const port of ports) port.connect(ST_READ, this);
    memory.connect(ST_ENGINE, this);
    clock.attach(queue.clockNumber, this);
  }

  step(now: number): void {
    if (this.#current !== NOTHING) return;
    const started = this.#queue.tryStart(now);
    if (started === NOTHING) return;
    const { kind, descriptor: d } = this.#table.dispatches[started];
    if (kind !== 'ST') throw new Error('defect: ST takes the descriptor of another unit');
    this.#current = started;
    this.#port = this.#ports[d.cu];
    this.#bursts.start(d.dramAddress, d.words, d.rows, d.dramStep);
    this.#beginBurst(now + this.#dmaSetup);
  }

  /** A line was read at `now`. */
  granted(now: number): void {
    if (--this.#linesLeft > 0) {
      this.#port.request(ST_READ, now + 1);
      return;
    }
    const buffer = (this.#oldest + this.#taken - 1) % BUFFERS;
    this.#fullAt[buffer] = now + this.#readLatencyMaps;
    this.#bursts.next();
    const done = this.#bursts.lines === 0;
    this.#isLast[buffer] = done ? 1 : 0;
    if (buffer === this.#oldest) this.#offerOldest();
    if (!done) {
      this.#beginBurst(now);
      return;
    }
    this.#account.storeRead(this.#current, now + 1);
    this.#tokens.signalRead(this.#current, now + 1);
    this.#current = NOTHING;
    this.#queue.setFree(now + 1);
  }

  /** The oldest buffer's burst was accepted. */
  accepted(now: number, response: number): void {
    const buffer = this.#oldest;
    const owner = this.#owner[buffer];
    this.#account.wrote(owner, this.#lines[buffer]);
    if (response > this.#lastResponse) this.#lastResponse = response;
    if (this.#isLast[buffer] === 1) {
      this.#lastSignal = Math.max(this.#lastResponse, this.#lastSignal) + 1;
      this.#tokens.signalWrite(owner, this.#lastSignal);
    }
    this.#lastAcceptance = now;
    this.#emptyAt[buffer] = now + NEXT_OFFER;
    this.#oldest = (buffer + 1) % BUFFERS;
    this.#taken--;
    if (this.#taken > 0 && this.#fullAt[this.#oldest] !== Number.POSITIVE_INFINITY) this.#offerOldest();
    if (this.#waitingSince !== NOTHING) {
      const request = this.#waitingSince;
      this.#waitingSince = NOTHING;
      this.#takeBuffer(request);
    }
  }

  /** Requests the first line of the current burst at `request`, or later when both buffers are held. */
  #beginBurst(request: number): void {
    if (this.#taken === BUFFERS) this.#waitingSince = request;
    else this.#takeBuffer(request);
  }

  #takeBuffer(request: number): void {
    const buffer = (this.#oldest + this.#taken++) % BUFFERS;
    this.#line[buffer] = this.#bursts.line;
    this.#lines[buffer] = this.#bursts.lines;
    this.#owner[buffer] = this.#current;
    this.#fullAt[buffer] = Number.POSITIVE_INFINITY;
    this.#linesLeft = this.#bursts.lines;
    this.#port.request(ST_READ, Math.max(request, this.#emptyAt[buffer]) + 1);
  }

  #offerOldest(): void {
    const at = Math.max(this.#fullAt[this.#oldest], this.#lastAcceptance + NEXT_OFFER);
    this.#memory.offer(ST_ENGINE, at, this.#line[this.#oldest], this.#lines[this.#oldest]);
  }
}
