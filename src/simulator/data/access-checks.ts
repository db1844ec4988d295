/**
 * Finds wrong programs by their accesses: addresses outside, words read before they are written, and accesses that no token orders. The verdict
 * does not depend on the order in which descriptors happened to run. Specification: docs/microarchitecture.md, sections 1 to 6.
 *
 * Rules of order: a unit reads in order and writes in order, so its later writes come after its earlier reads and writes; but a MAC or VEC
 * descriptor may start before the results of the one before it are in the maps, so reading them needs a token of the unit to itself. Writes over
 * the result bus and through a unit's own port don't keep each other's order; nor do loads: their lines come by several AXI ports, each at its own pace.
 */
import { type DescriptorLimits, findDescriptorFault, TABLE_WORDS } from '../../isa/descriptor-rules.ts';
import {
  type Descriptor,
  hasSource2,
  hasTable,
  LDM_SPACES,
  type LdwDescriptor,
  type MacDescriptor,
  type UnitKind,
} from '../../isa/fields.ts';
import { hasAdjacentTaps, paramLines, traceLines } from '../../isa/weights-group.ts';
import { LINE_WORDS, type Machine, mapsWords, weightsLines } from '../../machine/machine.ts';
import type { Program } from '../../program/program.ts';
import { JobError } from '../../util/errors.ts';
import type { Dispatch, DispatchOf } from '../dispatch.ts';
import { rowCount, validRows } from '../walker.ts';
import type { DramImage } from './dram-image.ts';
import { DramShadow } from './dram-shadow.ts';
import { describeDispatch, describeRange, findingError } from './explain.ts';
import {
  AddressProblem,
  findRunOverlap,
  forEachDramRun,
  outputFootprint,
  runsFootprint,
  source2Footprint,
  sourceFootprint,
} from './footprint.ts';
import { findInPlaceHazard } from './in-place.ts';
import { IntervalList } from './intervals.ts';
import { imageTarget } from './ldw.ts';
import { type AccessEvent, ExecutionOrder, eventSerial, eventUnit, NEVER, packEvent } from './order.ts';
import { type ReadArea, Shadow } from './shadow.ts';
import { SourceAreas } from './source-areas.ts';
import { cusOf } from './state.ts';

export class AccessChecks {
  readonly order = new ExecutionOrder();
  private readonly program: Program;
  private readonly machine: Machine;
  private readonly trackOrder: boolean;
  private readonly limits: DescriptorLimits;
  private readonly maps: readonly Shadow[];
  private readonly tables: readonly Shadow[];
  /** Per CU and vMAC, in lines. */
  private readonly weights: readonly (readonly Shadow[])[];
  private readonly dram: DramShadow;
  private readonly dramWords: number;
  private readonly tableArea: ReadArea;
  private readonly sources: readonly SourceAreas[];
  /** Executed dispatches by unit; serial n is element n − 1. */
  private readonly history: Dispatch[][] = [];

  // The access being judged.
  private current!: Dispatch;
  private serial = 0;
  private buffer = '';
  private unitWord = 'word';
  private end = 0;
  /** Whether a write of the current descriptor fell on words that it reads itself. */
  private overlapsOwnReads = false;

  /** @param trackOrder false: only addresses are checked. */
  constructor(program: Program, image: DramImage, trackOrder: boolean) {
    const { machine } = program;
    this.program = program;
    this.machine = machine;
    this.trackOrder = trackOrder;
    this.limits = { computeUnits: machine.computeUnits, mapsWords: mapsWords(machine), weightsLines: weightsLines(machine) };
    const cus = Array.from({ length: machine.computeUnits }, (_, cu) => cu);
    this.maps = cus.map((cu) => new Shadow(`maps of CU ${cu}`, mapsWords(machine)));
    this.tables = cus.map((cu) => new Shadow(`activation table of CU ${cu}`, TABLE_WORDS));
    this.weights = cus.map((cu) =>
      Array.from({ length: machine.vmacsPerCu }, (_, v) => new Shadow(`weights of CU ${cu} vMAC ${v}`, weightsLines(machine))),
    );
    this.dram = new DramShadow(image.constants);
    this.dramWords = image.words.length;
    this.sources = cus.map(() => new SourceAreas());
    const entries = new IntervalList();
    // The fourth word of an entry is padding.
    for (let at = 0; at < TABLE_WORDS; at += 4) entries.add(at, at + 3);
    this.tableArea = this.tables[0].makeArea(entries);
  }

  /** The host put words [start, end) into DRAM. */
  addInput(start: number, end: number): void {
    if (end > this.dramWords)
      throw new JobError(`input at DRAM ${describeRange('word', start, end)} is outside the program's ${this.dramWords}`);
    const constant = this.dram.findConstant(start, end);
    if (constant !== undefined) throw new JobError(`input at DRAM ${describeRange('word', start, end)} overwrites ${constant.name}`);
    if (this.trackOrder) this.dram.markHost(start, end);
  }

  /** Checks the fields of a descriptor before anything runs. */
  checkFields(dispatch: Dispatch): void {
    const { computeUnits } = this.machine;
    if (dispatch.cu >= computeUnits) throw findingError(this.program, dispatch, `the machine has only ${computeUnits} compute units`);
    const { kind, descriptor } = dispatch;
    const fault = findDescriptorFault<UnitKind>(kind, descriptor as Descriptor<UnitKind>, this.limits);
    if (fault === undefined) return;
    const named = Object.entries(descriptor).filter(([field]) => new RegExp(`\\b${field}\\b`).test(fault));
    const values = named.map(([field, value]) => `${field} = ${value}`).join(', ');
    throw findingError(this.program, dispatch, `the descriptor breaks the rule "${fault}"${values === '' ? '' : `: ${values}`}`);
  }

  /** Checks the accesses of a descriptor that starts now; its tokens have been taken (`order.begin` gave `serial`). */
  check(dispatch: Dispatch, serial: number): void {
    this.current = dispatch;
    this.serial = serial;
    if (this.trackOrder) {
      this.history[dispatch.unitId] ??= [];
      this.history[dispatch.unitId].push(dispatch);
    }
    try {
      this.checkAccesses(dispatch);
    } catch (error) {
      if (error instanceof AddressProblem) throw findingError(this.program, dispatch, error.message);
      throw error;
    }
  }

  private checkAccesses(dispatch: Dispatch): void {
    switch (dispatch.kind) {
      case 'LDM':
        this.checkLdm(dispatch.descriptor);
        break;
      case 'LDW':
        this.checkLdw(dispatch.descriptor);
        break;
      case 'ST':
        this.checkSt(dispatch.descriptor);
        break;
      case 'MAC':
        this.checkMac(dispatch);
        break;
      case 'VEC':
        this.checkVec(dispatch);
        break;
    }
  }

  private checkLdm(d: Descriptor<'LDM'>): void {
    forEachDramRun(d, (start, end) => this.readDram(start, end));
    const shadows = d.space === LDM_SPACES.table ? this.tables : this.maps;
    const twice = findRunOverlap(d);
    if (twice !== undefined) this.fail(`run ${twice} overwrites words of another run of the same load; nothing orders the two`);
    for (const cu of cusOf(d.cus, this.machine.computeUnits)) this.write(shadows[cu], runsFootprint(d, shadows[cu]));
  }

  private checkLdw(d: LdwDescriptor): void {
    this.readDram(d.dramAddress, d.dramAddress + d.images * d.lines * LINE_WORDS);
    for (let i = 0; i < d.images; i++) {
      const { vmac, firstCu, endCu } = imageTarget(d, i);
      for (let cu = firstCu; cu < endCu; cu++) this.write(this.weights[cu][vmac], this.lineIntervals(d.line, d.lines));
    }
  }

  private checkSt(d: Descriptor<'ST'>): void {
    const shadow = this.maps[d.cu];
    this.read(shadow, shadow.makeArea(runsFootprint(d, shadow)));
    forEachDramRun(d, (start, end) => this.writeDram(start, end));
  }

  private checkMac(dispatch: DispatchOf<'MAC'>): void {
    const { cu, descriptor: d } = dispatch;
    if (d.depthwise === 1) checkDepthwiseAlignment(d);
    const shadow = this.maps[cu];
    this.read(
      shadow,
      this.sources[cu].find(d, shadow, () => sourceFootprint(d, shadow)),
    );
    if (this.trackOrder) {
      const usedVmacs = Math.ceil((d.outWords * d.lanes) / 16);
      const lines = this.usedLines(d);
      for (let v = 0; v < usedVmacs; v++) this.read(this.weights[cu][v], this.weights[cu][v].makeArea(lines), 'line');
    }
    this.writeResults(dispatch, d.outWords);
  }

  private checkVec(dispatch: DispatchOf<'VEC'>): void {
    const { cu, descriptor: d } = dispatch;
    const shadow = this.maps[cu];
    this.read(shadow, shadow.makeArea(sourceFootprint(d, shadow)));
    if (hasSource2(d.op)) this.read(shadow, shadow.makeArea(source2Footprint(d, shadow)));
    if (hasTable(d.op)) this.read(this.tables[cu], { ...this.tableArea, checkedAt: 0 });
    this.writeResults(dispatch, d.words);
  }

  private writeResults(dispatch: DispatchOf<'MAC'> | DispatchOf<'VEC'>, words: number): void {
    const { descriptor: d, cu } = dispatch;
    const targets = cusOf(d.outCus, this.machine.computeUnits);
    const footprint = outputFootprint(d, words, this.maps[targets[0]]);
    this.overlapsOwnReads = false;
    for (const target of targets) this.write(this.maps[target], footprint);
    if (!this.overlapsOwnReads) return;
    const word = findInPlaceHazard(dispatch, this.maps[cu].words);
    if (word === undefined) return;
    this.fail(`overwrites ${this.maps[cu].name} word ${word}, which a later window of the same descriptor reads`);
  }

  /** Weights lines that the windows use: parameters, then the kernel rows that are valid for some output row. */
  private usedLines(d: MacDescriptor): IntervalList {
    let [first, end] = [d.kernelH, 0];
    for (let y = 0; y < rowCount(d); y++) {
      const rows = validRows(d, y);
      if (rows.first === rows.end) continue;
      first = Math.min(first, rows.first);
      end = Math.max(end, rows.end);
    }
    const params = paramLines(d.lanes);
    const perRow = traceLines(d) * (hasAdjacentTaps(d) ? 1 : d.kernelW);
    const lines = this.lineIntervals(d.weightsLine, params);
    if (first < end) {
      const taps = this.lineIntervals(d.weightsLine + params + first * perRow, (end - first) * perRow);
      for (let i = 0; i < taps.count; i++) lines.add(taps.start(i), taps.end(i));
    }
    return lines;
  }

  /** Lines [line, line + lines) modulo the buffer. */
  private lineIntervals(line: number, lines: number): IntervalList {
    const total = this.weights[0][0].words;
    const start = line % total;
    const list = new IntervalList();
    list.add(start, Math.min(total, start + lines));
    if (start + lines > total) list.add(0, start + lines - total);
    return list;
  }

  // --- one access ---

  private read(shadow: Shadow, area: ReadArea, unitWord = 'word'): void {
    if (!this.trackOrder) return;
    this.buffer = shadow.name;
    this.unitWord = unitWord;
    this.end = 0;
    shadow.read(area, this.current.unitId, this.serial, this.judgeRaw);
  }

  private write(shadow: Shadow, intervals: IntervalList): void {
    if (!this.trackOrder) return;
    this.buffer = shadow.name;
    this.unitWord = this.current.kind === 'LDW' ? 'line' : 'word';
    const event = packEvent(this.current.unitId, this.serial);
    for (let i = 0; i < intervals.count; i++) {
      this.end = intervals.end(i);
      shadow.write(intervals.start(i), this.end, event, this.judgeWaw, this.judgeWar);
    }
  }

  private readDram(start: number, end: number): void {
    this.checkDramRange('reads', start, end);
    if (!this.trackOrder) return;
    this.buffer = 'DRAM';
    this.unitWord = 'word';
    this.end = 0;
    this.dram.read(start, end, this.current.unitId, this.serial, this.judgeRaw);
  }

  private writeDram(start: number, end: number): void {
    this.checkDramRange('stores to', start, end);
    const constant = this.dram.findConstant(start, end);
    if (constant !== undefined) this.fail(`stores to DRAM ${describeRange('word', start, end)}, which hold ${constant.name}`);
    if (!this.trackOrder) return;
    this.buffer = 'DRAM';
    this.unitWord = 'word';
    this.end = end;
    this.dram.write(start, end, packEvent(this.current.unitId, this.serial), this.judgeWaw, this.judgeWar);
  }

  private checkDramRange(verb: string, start: number, end: number): void {
    if (end > this.dramWords) {
      this.fail(`${verb} DRAM ${describeRange('word', start, end)}, outside the program's ${this.dramWords} words`);
    }
  }

  // --- verdicts ---

  private readonly judgeRaw = (event: AccessEvent, at: number): void => {
    if (event === NEVER) this.fail(`reads ${this.buffer} ${this.unitWord} ${at}, which nothing has written`);
    if (this.order.knowsWrite(this.current.unitId, event)) return;
    this.failOrder('reads', at, 'writes', eventUnit(event), eventSerial(event));
  };

  private readonly judgeWaw = (event: AccessEvent, at: number): void => {
    if (event === NEVER) return;
    const unit = eventUnit(event);
    const serial = eventSerial(event);
    if (unit === this.current.unitId && (serial === this.serial || this.samePath(this.history[unit][serial - 1]))) return;
    if (this.order.knowsWrite(this.current.unitId, event)) return;
    this.failOrder('overwrites', at, 'writes', unit, serial);
  };

  private readonly judgeWar = (unit: number, serial: number, at: number): void => {
    if (unit === this.current.unitId) {
      if (serial === this.serial) this.overlapsOwnReads = true;
      return;
    }
    if (this.order.knowsRead(this.current.unitId, unit, serial)) return;
    this.failOrder('overwrites', at, 'reads', unit, serial);
  };

  /** Whether an earlier descriptor of the current unit writes by the same way (own port or result bus), which keeps order. Loads keep none. */
  private samePath(earlier: Dispatch): boolean {
    if (earlier.kind === 'LDM' || earlier.kind === 'LDW') return false;
    const usesBus = ({ descriptor, cu }: Dispatch): boolean => 'outCus' in descriptor && descriptor.outCus !== 1 << cu;
    return usesBus(earlier) === usesBus(this.current);
  }

  private failOrder(verb: string, at: number, otherVerb: string, unit: number, serial: number): never {
    const other = describeDispatch(this.program, this.history[unit][serial - 1]);
    const range = this.end > at ? describeRange(this.unitWord, at, this.end) : `${this.unitWord} ${at}`;
    this.fail(`${verb} ${this.buffer} ${range}, which ${other} ${otherVerb}; no token orders the two`);
  }

  private fail(problem: string): never {
    throw findingError(this.program, this.current, problem);
  }
}

/** Depthwise steps read 64 words from a 16-word boundary. */
function checkDepthwiseAlignment(d: MacDescriptor): void {
  const fields = ['srcBase', 'srcOffset', 'srcRing', 'srcColumn', 'rowStep', 'kRowStep', 'colStep', 'tapStep'] as const;
  const field = fields.find((name) => d[name] % LINE_WORDS !== 0);
  if (field !== undefined)
    throw new AddressProblem(`depthwise reads start at multiples of ${LINE_WORDS} words, but ${field} = ${d[field]}`);
}
