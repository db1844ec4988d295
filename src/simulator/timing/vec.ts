/**
 * The VEC unit of one CU: operand reads through port B chunk by chunk, results to the FIFO.
 * Specification: docs/microarchitecture.md, sections 3, 5 and 9 (T12 to T14). Twin: sf_vec_seq.sv.
 */
import { hasSource2, hasTable, VEC_OPS, type VecDescriptor } from '../../isa/fields.ts';
import { VEC_CHUNK_CYCLES, VEC_SUM_CYCLES, VEC_TABLE_CHUNK_CYCLES } from '../../machine/machine.ts';
import { countValidTaps, rowCount } from '../walker.ts';
import type { Account } from './account.ts';
import type { Clock, Clocked } from './clock.ts';
import type { Context } from './context.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { type PortB, type PortClient, VEC_READ } from './port-b.ts';
import type { UnitQueue } from './queue.ts';
import type { ResultFifo } from './result-fifo.ts';
import type { Tokens } from './tokens.ts';

const NOTHING = -1;
const CHUNK_WORDS = 16;

export class VecUnit implements Clocked, PortClient {
  readonly #queue: UnitQueue;
  readonly #clock: Clock;
  readonly #fifo: ResultFifo;
  readonly #port: PortB;
  readonly #tokens: Tokens;
  readonly #table: DescriptorTable;
  readonly #account: Account;
  readonly #cu: number;
  readonly #vecSetup: number;
  readonly #vecPipeline: number;
  readonly #rowPeriod: number;
  readonly #pixelPeriod: number;

  // --- current descriptor ---
  #current = NOTHING;
  #startedAt = 0;
  #d: VecDescriptor | undefined;
  #chunks = 0;
  #readsPerTap = 0;

  // --- walker: current pixel and chunk ---
  #x = 0;
  #y = 0;
  #pixelsLeft = 0;
  #chunksLeft = 0;
  #kernelRows = 0;
  #rowsLeft = 0;
  /** Next chunk is the first of its pixel, of its row. */
  #isPixelStart = false;
  #isRowStart = false;
  #readsPerChunk = 0;
  #readsLeft = 0;

  // --- sequencer ---
  /** Earliest cycle of the chunk's first request while it waits for a credit; −1 when none waits. */
  #waitingSince = NOTHING;
  /** Cycle of an idle step (a chunk without valid taps); −1: none. */
  #idleAt = NOTHING;
  /** First cycles at which the first requests of the next row and pixel may be raised. */
  #rowFrom = 0;
  #pixelFrom = 0;
  /** First cycle at which the work on the next chunk may start. */
  #lanesFreeAt = 0;

  constructor(context: Context, cu: number, queue: UnitQueue, fifo: ResultFifo, port: PortB) {
    const { machine, clock, table, tokens, account } = context;
    this.#cu = cu;
    this.#queue = queue;
    this.#clock = clock;
    this.#fifo = fifo;
    this.#port = port;
    this.#tokens = tokens;
    this.#table = table;
    this.#account = account;
    this.#vecSetup = machine.latency.vecSetup;
    this.#vecPipeline = machine.latency.vecPipeline;
    this.#rowPeriod = machine.latency.rowPeriod;
    this.#pixelPeriod = machine.latency.vecPixelPeriod;
    port.connect(VEC_READ, this);
    clock.attach(queue.clockNumber, this);
  }

  step(now: number): void {
    if (this.#current === NOTHING) {
      const started = this.#queue.tryStart(now);
      if (started !== NOTHING) this.#begin(started, now);
    } else if (this.#waitingSince !== NOTHING) {
      this.#beginChunk(this.#waitingSince);
    } else if (this.#idleAt !== NOTHING) {
      if (this.#idleAt === now) {
        this.#idleAt = NOTHING;
        this.#endChunk(now);
      } else this.#clock.wake(this.#queue.clockNumber, this.#idleAt);
    }
  }

  /** An operand line was read at `now`. */
  granted(now: number): void {
    if (--this.#readsLeft > 0) this.#port.request(VEC_READ, now + 1);
    else this.#endChunk(now);
  }

  #begin(descriptor: number, now: number): void {
    const { kind, descriptor: d } = this.#table.dispatches[descriptor];
    if (kind !== 'VEC') throw new Error('defect: a VEC unit takes the descriptor of another unit');
    this.#current = descriptor;
    this.#startedAt = now;
    this.#d = d;
    this.#chunks = Math.ceil(d.words / CHUNK_WORDS);
    this.#readsPerTap = hasSource2(d.op) ? 2 : 1;
    this.#x = d.x0;
    this.#y = 0;
    this.#pixelsLeft = d.count;
    this.#rowsLeft = rowCount(d);
    this.#rowFrom = 0;
    this.#pixelFrom = 0;
    this.#enterRow(d);
    this.#enterPixel(d);
    this.#beginChunk(now + this.#vecSetup);
  }

  #enterRow(d: VecDescriptor): void {
    this.#kernelRows = countValidTaps(d.iy0 + this.#y * d.strideH, d.dilationH, d.kernelH, d.inHeight);
    this.#rowsLeft--;
    this.#isRowStart = true;
  }

  #enterPixel(d: VecDescriptor): void {
    const columns = countValidTaps(d.ix0 + this.#x * d.strideW, d.dilationW, d.kernelW, d.inWidth);
    this.#readsPerChunk = this.#kernelRows * columns * this.#readsPerTap;
    this.#chunksLeft = this.#chunks;
    this.#isPixelStart = true;
  }

  /** The chunk's first request is raised at `request`, or when a result credit is back. */
  #beginChunk(request: number): void {
    const credit = this.#fifo.takeCredits(1);
    if (credit < 0) {
      this.#waitingSince = request;
      return;
    }
    this.#waitingSince = NOTHING;
    this.#readsLeft = this.#readsPerChunk;
    let raised = Math.max(request, credit);
    if (this.#isPixelStart) {
      raised = Math.max(raised, this.#pixelFrom, this.#isRowStart ? this.#rowFrom : 0);
      this.#pixelFrom = raised + this.#pixelPeriod;
      if (this.#isRowStart) {
        this.#rowFrom = raised + this.#rowPeriod;
        if (this.#rowsLeft === 0) this.#queue.lastRowBegan(raised);
      }
      this.#isPixelStart = false;
      this.#isRowStart = false;
    }
    const grant = raised + 1;
    if (this.#readsLeft > 0) {
      this.#port.request(VEC_READ, grant);
      return;
    }
    this.#idleAt = grant;
    this.#clock.wake(this.#queue.clockNumber, grant);
  }

  /** The chunk's last operand was read (or its idle step made) at `now`. */
  #endChunk(now: number): void {
    const d = this.#d!;
    const isTable = hasTable(d.op);
    const isSum = d.op === VEC_OPS.addTable;
    let begin = Math.max(now + 1, this.#lanesFreeAt);
    // Sums and look-ups of a lane take turns.
    if (isSum) begin += (begin - this.#startedAt) % 2;
    this.#lanesFreeAt = begin + (isTable ? VEC_TABLE_CHUNK_CYCLES : VEC_CHUNK_CYCLES);
    const later = isSum ? VEC_SUM_CYCLES : 0;
    const isLast = this.#chunksLeft === 1 && this.#pixelsLeft === 1;
    this.#fifo.push(this.#lanesFreeAt - 1 + later + this.#vecPipeline, d.outCus, isLast ? this.#current : NOTHING);
    if (isLast) {
      const done = this.#lanesFreeAt + later;
      this.#finish(isTable ? done : now + 1, done);
      return;
    }
    if (--this.#chunksLeft === 0) {
      this.#pixelsLeft--;
      if (++this.#x === d.outWidth) {
        this.#x = 0;
        this.#y++;
        this.#enterRow(d);
      }
      this.#enterPixel(d);
    }
    this.#beginChunk(now);
  }

  #finish(read: number, done: number): void {
    this.#account.vecRan(this.#cu, this.#current, done);
    this.#tokens.signalRead(this.#current, read);
    this.#current = NOTHING;
    this.#queue.setFree(done);
  }
}
