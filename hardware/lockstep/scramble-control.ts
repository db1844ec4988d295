/**
 * Puts random control code around a straight program of SETI, SETH and GO: register arithmetic, computed fields, branches taken and not, loops, jumps to and
 * fro. The descriptors stay the same, provided that the core computes everything right. Specification: docs/isa.md, sections 2 and 4.
 */
import { decode, encode } from '../../src/isa/encode.ts';
import { fieldInfo } from '../../src/isa/field-codes.ts';
import type { Instruction } from '../../src/isa/instructions.ts';
import type { Random } from '../../src/util/random.ts';

type Op = 'ADD' | 'SUB' | 'AND' | 'OR' | 'SLL' | 'SRL' | 'ADDI' | 'ORI' | 'LUI';
const OPS: readonly Op[] = ['ADD', 'SUB', 'AND', 'OR', 'SLL', 'SRL', 'ADDI', 'ORI', 'LUI'];
const BRANCHES = ['BEQ', 'BNE', 'BLT', 'BGE'] as const;

export interface ScrambledCode {
  readonly instructions: Uint32Array;
  /** New index of each old instruction (of the last one of those that take its place), and the new length at the end. */
  readonly indexOf: Int32Array;
}

class Scrambler {
  readonly #random: Random;
  /** What the registers hold when the code so far has run. */
  readonly #registers = new Int32Array(32);
  readonly words: number[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  draw(low: number, high: number): number {
    return this.#random.integer(low, high);
  }

  #emit(instruction: Instruction): void {
    this.words.push(encode(instruction));
  }

  #write(rd: number, value: number): void {
    if (rd !== 0) this.#registers[rd] = value;
  }

  /** A register instruction, at random; it is executed here as well when `runs`. Returns it, so that a loop can repeat it. */
  #arithmetic(runs: boolean, target = this.draw(0, 31)): () => void {
    const op = OPS[this.draw(0, OPS.length - 1)];
    const [rs1, rs2] = [this.draw(0, 31), this.draw(0, 31)];
    const r = this.#registers;
    let effect: () => number;
    if (op === 'ADDI') {
      const imm = this.draw(-32768, 32767);
      this.#emit({ mnemonic: op, rd: target, rs1, imm });
      effect = () => r[rs1] + imm;
    } else if (op === 'ORI') {
      const imm = this.draw(0, 65535);
      this.#emit({ mnemonic: op, rd: target, rs1, imm });
      effect = () => r[rs1] | imm;
    } else if (op === 'LUI') {
      const imm = this.draw(0, 65535);
      this.#emit({ mnemonic: op, rd: target, imm });
      effect = () => imm << 16;
    } else {
      this.#emit({ mnemonic: op, rd: target, rs1, rs2 });
      const effects = {
        ADD: () => r[rs1] + r[rs2],
        SUB: () => r[rs1] - r[rs2],
        AND: () => r[rs1] & r[rs2],
        OR: () => r[rs1] | r[rs2],
        SLL: () => r[rs1] << (r[rs2] & 31),
        SRL: () => r[rs1] >>> (r[rs2] & 31),
      };
      effect = effects[op];
    }
    const run = (): void => this.#write(target, effect());
    if (runs) run();
    return run;
  }

  /** Words that are never executed: legal ones and any. */
  #dead(count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.draw(0, 1) === 0) this.words.push(Math.floor(this.#random.uniform() * 2 ** 32));
      else this.#arithmetic(false);
    }
  }

  /** A branch over some words, on the values that the registers have: taken or not. */
  #branch(): void {
    const mnemonic = BRANCHES[this.draw(0, 3)];
    const rs1 = this.draw(0, 31);
    const rs2 = this.draw(0, 3) === 0 ? rs1 : this.draw(0, 31);
    const [a, b] = [this.#registers[rs1], this.#registers[rs2]];
    const taken = { BEQ: a === b, BNE: a !== b, BLT: a < b, BGE: a >= b }[mnemonic];
    const skipped = this.draw(0, this.draw(0, 9) === 0 ? 80 : 6);
    this.#emit({ mnemonic, rs1, rs2, imm: skipped });
    if (taken) this.#dead(skipped);
    else for (let i = 0; i < skipped; i++) this.#arithmetic(true);
  }

  /** Forward, back and forward again. */
  #jumps(): void {
    const [first, second] = [this.draw(0, 5), this.draw(0, 5)];
    // 0: to `first` + 2 | 1: to the end | dead words | back to 1 | dead words | end
    this.#emit({ mnemonic: 'JMP', imm: first + 1 });
    this.#emit({ mnemonic: 'JMP', imm: first + 1 + second });
    this.#dead(first);
    this.#emit({ mnemonic: 'JMP', imm: -(first + 2) });
    this.#dead(second);
  }

  /** A counted loop around register instructions. */
  #loop(): void {
    const counter = this.draw(1, 31);
    const count = this.draw(1, 5);
    const body = this.draw(0, 9);
    this.#emit({ mnemonic: 'ADDI', rd: counter, rs1: 0, imm: count });
    this.#write(counter, count);
    const runs: (() => void)[] = [];
    for (let i = 0; i < body; i++) runs.push(this.#arithmetic(false, (counter + this.draw(1, 31)) % 32));
    this.#emit({ mnemonic: 'ADDI', rd: counter, rs1: counter, imm: -1 });
    this.#emit({ mnemonic: 'BNE', rs1: counter, rs2: 0, imm: -(body + 2) });
    for (let turn = count; turn > 0; turn--) {
      for (const run of runs) run();
      this.#write(counter, turn - 1);
    }
  }

  /** Some code that does nothing to the descriptors. */
  noise(): void {
    const kind = this.draw(0, 7);
    if (kind === 0) this.#jumps();
    else if (kind === 1) this.#loop();
    else if (kind <= 3) this.#branch();
    else this.#arithmetic(true);
  }

  /** SETI as SET of a register that is computed from another one's value. */
  setByRegister({ field, imm }: Extract<Instruction, { mnemonic: 'SETI' }>): void {
    const { spec } = fieldInfo(field);
    const [known, rest, result] = [this.draw(0, 31), this.draw(1, 31), this.draw(1, 31)];
    // Bits above the field are cut off.
    const above = spec.bits < 32 ? this.draw(0, 255) * 2 ** spec.bits : 0;
    const x = this.#registers[known];
    const minus = this.draw(0, 1) === 0;
    // `rest` may be `known`: its old value is in x no more then.
    if (rest === known) {
      this.#emit({ mnemonic: 'SETI', field, imm });
      return;
    }
    const difference = minus ? imm + above + x : imm + above - x;
    this.#emit({ mnemonic: 'LUI', rd: rest, imm: (difference >>> 16) & 0xffff });
    this.#emit({ mnemonic: 'ORI', rd: rest, rs1: rest, imm: difference & 0xffff });
    this.#write(rest, difference);
    if (minus) this.#emit({ mnemonic: 'SUB', rd: result, rs1: rest, rs2: known });
    else this.#emit({ mnemonic: 'ADD', rd: result, rs1: rest, rs2: known });
    this.#write(result, imm + above);
    this.#emit({ mnemonic: 'SET', field, rs1: result });
  }
}

/** The same dispatches by random ways. `instructions`: SETI, SETH, GO and END only. */
export function scrambleControl(instructions: Uint32Array, random: Random): ScrambledCode {
  const scrambler = new Scrambler(random);
  const indexOf = new Int32Array(instructions.length + 1);
  // Dense and sparse programs.
  const percent = random.integer(0, 60);
  for (const [i, word] of instructions.entries()) {
    while (scrambler.draw(0, 99) < percent) scrambler.noise();
    const instruction = decode(word);
    if (instruction === undefined) throw new Error(`word ${i} is no instruction`);
    if (instruction.mnemonic === 'SETI' && scrambler.draw(0, 99) < percent) scrambler.setByRegister(instruction);
    else scrambler.words.push(word);
    indexOf[i] = scrambler.words.length - 1;
  }
  indexOf[instructions.length] = scrambler.words.length;
  return { instructions: Uint32Array.from(scrambler.words), indexOf };
}
