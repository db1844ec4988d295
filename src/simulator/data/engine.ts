/**
 * The data engine: executes dispatched descriptors on real buffers, bit-exact, without time, and finds wrong programs.
 * Specification: docs/microarchitecture.md, sections 1 to 6; tokens and queues as in sections 1 and 8. A descriptor runs as a whole once it is at the
 * head of its unit's queue and its tokens are there. A program without races gives the same bits in every such order.
 */
import { unitName } from '../../isa/field-codes.ts';
import { MAX_TOKENS, UNIT_ID_COUNT } from '../../isa/fields.ts';
import type { Program } from '../../program/program.ts';
import { InputError, JobError } from '../../util/errors.ts';
import type { Dispatch } from '../dispatch.ts';
import { AccessChecks } from './access-checks.ts';
import { createDramImage, type DramImage } from './dram-image.ts';
import { describeDispatch, findingError } from './explain.ts';
import { executeLdm } from './ldm.ts';
import { executeLdw } from './ldw.ts';
import { executeMac } from './mac.ts';
import type { TokenKnowledge } from './order.ts';
import { executeSt } from './st.ts';
import { createMachineState, type MachineState } from './state.ts';
import { type LeftoverTokens, TokenCounters, type TokenKind } from './tokens.ts';
import { executeVec } from './vec.ts';

/** none: nothing is checked (a wrong program gives wrong bits); bounds: fields and addresses; races: these, and reads of words never written, and order. */
export type CheckLevel = 'none' | 'bounds' | 'races';

/** Words that the host writes to DRAM before the program starts. */
export interface DramInput {
  readonly address: number;
  readonly words: Int16Array;
}

export interface DataEngineOptions {
  readonly inputs?: readonly DramInput[];
  /** Default: a new one. A shared image is changed in place. */
  readonly image?: DramImage;
  /** Default: races. */
  readonly checks?: CheckLevel;
}

export class DataEngine {
  readonly state: MachineState;
  readonly image: DramImage;
  private readonly program: Program;
  private readonly checks: AccessChecks | undefined;
  private readonly trackOrder: boolean;
  private readonly tokens = new TokenCounters();
  private readonly queues: Dispatch[][] = Array.from({ length: UNIT_ID_COUNT }, () => []);
  private executedCount = 0;

  /** @throws JobError when an input lies outside DRAM or on constants; InputError when the image is another program's. */
  constructor(program: Program, options: DataEngineOptions = {}) {
    const level = options.checks ?? 'races';
    this.program = program;
    this.image = options.image ?? createDramImage(program);
    if (this.image.words.length !== program.dramWords) {
      throw new InputError(`the DRAM image has ${this.image.words.length} words, the program needs ${program.dramWords}`);
    }
    this.state = createMachineState(program.machine, this.image.words);
    this.trackOrder = level === 'races';
    this.checks = level === 'none' ? undefined : new AccessChecks(program, this.image, this.trackOrder);
    for (const { address, words } of options.inputs ?? []) {
      this.checks?.addInput(address, address + words.length);
      this.image.words.set(words, address);
    }
  }

  /** Descriptors executed so far. */
  get executed(): number {
    return this.executedCount;
  }

  /** True when every queue is empty. */
  get isIdle(): boolean {
    return this.queues.every((queue) => queue.length === 0);
  }

  /** Whether the core's GO to this unit would be accepted now. */
  canDispatch(unitId: number): boolean {
    return this.queues[unitId].length < this.program.machine.queueDepth;
  }

  /**
   * The core's GO: queues a descriptor. Requires `canDispatch`.
   * @throws JobError when a field of the descriptor is wrong.
   */
  dispatch(dispatch: Dispatch): void {
    this.checks?.checkFields(dispatch);
    this.queues[dispatch.unitId].push(dispatch);
  }

  /** Whether the unit has a descriptor at its queue's head and all tokens for it. */
  canStep(unitId: number): boolean {
    const head = this.queues[unitId][0];
    if (head === undefined) return false;
    const { waitRead, waitWrite } = head.descriptor;
    return this.hasTokens('read', waitRead, unitId) && this.hasTokens('write', waitWrite, unitId);
  }

  /**
   * Executes the head of a unit's queue: takes its tokens, does its work, gives its tokens. Requires `canStep`.
   * @throws JobError naming what is wrong with the program.
   */
  step(unitId: number): Dispatch {
    const dispatch = this.queues[unitId].shift();
    if (dispatch === undefined) throw new Error(`unit ${unitId} has no descriptor`);
    const { descriptor } = dispatch;
    const taken: TokenKnowledge[] = [];
    this.takeTokens('read', descriptor.waitRead, unitId, taken);
    this.takeTokens('write', descriptor.waitWrite, unitId, taken);
    if (this.checks !== undefined) this.checks.check(dispatch, this.checks.order.begin(unitId, taken));
    this.execute(dispatch);
    this.executedCount++;
    const signals = descriptor.signalRead | descriptor.signalWrite;
    const clock = this.trackOrder && signals !== 0 ? this.checks?.order.snapshot(unitId) : undefined;
    this.giveTokens('read', descriptor.signalRead, dispatch, clock);
    this.giveTokens('write', descriptor.signalWrite, dispatch, clock);
    return dispatch;
  }

  /**
   * The error of a program that cannot go on.
   * @param pending the dispatch that the core is waiting to queue, if any.
   */
  deadlockError(pending: Dispatch | undefined): JobError {
    const blocked: string[] = [];
    for (const queue of this.queues) {
      const head = queue[0];
      if (head === undefined) continue;
      blocked.push(`${describeDispatch(this.program, head)} waits for ${this.missingTokens(head).join(' and ')}`);
    }
    if (pending !== undefined) {
      blocked.push(`the core waits at instruction ${pending.instructionIndex} because the queue of ${unitName(pending.unitId)} is full`);
    }
    return new JobError(`deadlock: ${blocked.join('; ')}`);
  }

  leftoverTokens(): LeftoverTokens[] {
    return this.tokens.leftovers();
  }

  private execute(dispatch: Dispatch): void {
    switch (dispatch.kind) {
      case 'LDM':
        executeLdm(this.state, dispatch.descriptor);
        break;
      case 'LDW':
        executeLdw(this.state, dispatch.descriptor);
        break;
      case 'ST':
        executeSt(this.state, dispatch.descriptor);
        break;
      case 'MAC':
        executeMac(this.state, dispatch.cu, dispatch.descriptor);
        break;
      case 'VEC':
        executeVec(this.state, dispatch.cu, dispatch.descriptor);
        break;
    }
  }

  private hasTokens(kind: TokenKind, mask: number, unitId: number): boolean {
    for (let from = 0, rest = mask; rest !== 0; from++, rest >>>= 1) {
      if ((rest & 1) === 1 && !this.tokens.has(kind, from, unitId)) return false;
    }
    return true;
  }

  private missingTokens({ unitId, descriptor }: Dispatch): string[] {
    const missing: string[] = [];
    for (const [kind, mask] of [
      ['read', descriptor.waitRead],
      ['write', descriptor.waitWrite],
    ] as const) {
      for (let from = 0, rest = mask; rest !== 0; from++, rest >>>= 1) {
        if ((rest & 1) === 1 && !this.tokens.has(kind, from, unitId))
          missing.push(`a ${kind} token from ${unitName(from) ?? `unit ${from}`}`);
      }
    }
    return missing;
  }

  private takeTokens(kind: TokenKind, mask: number, unitId: number, taken: TokenKnowledge[]): void {
    for (let from = 0, rest = mask; rest !== 0; from++, rest >>>= 1) {
      if ((rest & 1) === 0) continue;
      const knowledge = this.tokens.take(kind, from, unitId);
      if (knowledge !== undefined) taken.push(knowledge);
    }
  }

  private giveTokens(kind: TokenKind, mask: number, dispatch: Dispatch, clock: Int32Array | undefined): void {
    for (let to = 0, rest = mask; rest !== 0; to++, rest >>>= 1) {
      if ((rest & 1) === 0) continue;
      const knowledge = clock === undefined ? undefined : this.checks?.order.signal(dispatch.unitId, kind === 'write', clock);
      const count = this.tokens.give(kind, dispatch.unitId, to, knowledge);
      if (count > MAX_TOKENS && this.checks !== undefined) {
        throw findingError(
          this.program,
          dispatch,
          `the counter of ${kind} tokens for ${unitName(to)} overflows: ${count} were signalled and not taken, it holds ${MAX_TOKENS}`,
        );
      }
    }
  }
}
