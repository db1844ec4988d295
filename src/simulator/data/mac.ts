/**
 * The MAC unit, one descriptor at once, on the SIMD kernel. A run of pixels with one window shape becomes a list of *segments*: consecutive steps
 * with one operand mask. Specification: docs/microarchitecture.md, sections 3 and 4. Arbiter: mac-scalar.ts.
 */
import type { MacDescriptor } from '../../isa/fields.ts';
import { groupLines, hasAdjacentTaps, paramLines, traceLines } from '../../isa/weights-group.ts';
import { MASKS, type MacKernel, PARAMETERS, SEGMENT_FIELDS } from '../../kernels/mac-kernel.ts';
import { LINE_BYTES, LINE_WORDS } from '../../machine/machine.ts';
import { forEachRun, outputRowOffset, sourceColumnOffset, sourceRowOffset, stepWords } from '../walker.ts';
import { executeMacPixels } from './mac-scalar.ts';
import { cusOf, type MachineState } from './state.ts';

/** From this many pixels on, looking at the weights (to choose cheaper sums) costs less than it saves. */
const SCAN_PIXELS = 4;

/** Executes a descriptor on CU `cu`. */
export function executeMac(state: MachineState, cu: number, d: MacDescriptor): void {
  const { kernel } = state;
  if (groupLines(d) > state.weightsLines) throw new Error('the group is larger than the weights buffer');
  setParameters(state, cu, d);
  kernel.prepareGroup(d.count >= SCAN_PIXELS);
  const segments = new SegmentList(kernel, d);
  const { parameters } = kernel;
  forEachRun(d, (y, first, end, ky0, ky1, kx0, kx1) => {
    const out = (d.outBase + outputRowOffset(d, y) + first * d.outColStep) & (state.mapsWords - 1);
    const outEnd = out + (end - first - 1) * d.outColStep + d.outWords;
    const fits = segments.build(state, cu, d, y, first, end, ky0, ky1, kx0, kx1);
    if (!fits || outEnd > state.mapsWords) {
      executeMacPixels(state, cu, d, y, first, end);
      return;
    }
    parameters[PARAMETERS.segmentCount] = segments.count;
    parameters[PARAMETERS.pixels] = end - first;
    parameters[PARAMETERS.outAddress] = out * 2;
    kernel.runPixels();
  });
}

/** The parameters that hold for the whole descriptor. A group that wraps round the end of its weights buffer is straightened first. */
function setParameters(state: MachineState, cu: number, d: MacDescriptor): void {
  const { kernel, weightsLines } = state;
  const { parameters: p } = kernel;
  const lines = groupLines(d);
  const first = d.weightsLine % weightsLines;
  const wraps = first + lines > weightsLines;
  for (const [vmac, weights] of state.weights[cu].entries()) {
    if (wraps) {
      const straight = state.straightGroups[vmac];
      straight.set(weights.subarray(first * LINE_WORDS));
      straight.set(weights.subarray(0, (first + lines - weightsLines) * LINE_WORDS), (weightsLines - first) * LINE_WORDS);
    }
    p[PARAMETERS.weights + vmac] = wraps ? state.straightAddress(vmac) : state.weightsAddress(cu, vmac) + first * LINE_BYTES;
  }
  const targets = cusOf(d.outCus, state.machine.computeUnits);
  for (const [i, target] of targets.entries()) p[PARAMETERS.targetBases + i] = state.mapsAddress(target);
  p[PARAMETERS.targets] = targets.length;
  p[PARAMETERS.mapStep] = d.colStep * 2;
  p[PARAMETERS.outStep] = d.outColStep * 2;
  p[PARAMETERS.outWords] = d.outWords;
  p[PARAMETERS.lanes] = d.lanes;
  p[PARAMETERS.depthwise] = d.depthwise;
  p[PARAMETERS.clampLow] = d.clampLow;
  p[PARAMETERS.clampHigh] = d.clampHigh;
  p[PARAMETERS.paramLines] = paramLines(d.lanes);
  p[PARAMETERS.groupLines] = lines;
}

/** Writes the kernel's segment list and masks for one run. */
class SegmentList {
  count = 0;
  private readonly kernel: MacKernel;
  private readonly lanes: number;

  constructor(kernel: MacKernel, d: MacDescriptor) {
    this.kernel = kernel;
    this.lanes = d.lanes;
    kernel.mask(MASKS.full, LINE_WORDS).fill(-1);
    if (d.depthwise === 1) {
      kernel.mask(MASKS.depthwise, 64).fill(0);
      kernel.mask(MASKS.depthwise, 64).fill(-1, 0, d.words);
    }
  }

  /** @returns false when an address of the run wraps round the end of the maps buffer: then the list is useless. */
  build(
    state: MachineState,
    cu: number,
    d: MacDescriptor,
    y: number,
    first: number,
    end: number,
    ky0: number,
    ky1: number,
    kx0: number,
    kx1: number,
  ): boolean {
    this.count = 0;
    if (kx0 === kx1) return true;
    const g = d.lanes;
    const adjacent = hasAdjacentTaps(d);
    const start = adjacent ? kx0 * d.words : 0;
    const words = adjacent ? (kx1 - kx0) * d.words : d.words;
    const head = d.depthwise === 1 ? 0 : start % g;
    const steps = Math.ceil((head + words) / stepWords(d));
    const tail = d.depthwise === 1 ? 0 : (head + words) % g;
    const lines = traceLines(d);
    const params = paramLines(g);
    if (head > 0 || tail > 0) this.setMasks(head, tail);
    const base = state.mapsAddress(cu);
    // Words from a trace's first one that the run reads: later pixels lie further on.
    const reach = (end - first - 1) * d.colStep + words;
    for (let ky = ky0; ky < ky1; ky++) {
      const row = d.srcBase + sourceRowOffset(d, y, ky);
      for (let kx = kx0; kx < (adjacent ? kx0 + 1 : kx1); kx++) {
        const address = (row + sourceColumnOffset(d, first, kx)) & (state.mapsWords - 1);
        if (address + reach > state.mapsWords) return false;
        const line = params + (adjacent ? ky * lines + Math.floor(start / g) : (ky * d.kernelW + kx) * lines);
        this.addTrace(base + (address - head) * 2, line * LINE_BYTES, steps, head > 0, tail > 0, d.depthwise === 1);
      }
    }
    return true;
  }

  private addTrace(map: number, weights: number, steps: number, head: boolean, tail: boolean, depthwise: boolean): void {
    if (depthwise) {
      this.add(map, weights, 1, MASKS.depthwise);
      return;
    }
    if (steps === 1) {
      this.add(map, weights, 1, head && tail ? MASKS.both : head ? MASKS.head : tail ? MASKS.tail : MASKS.full);
      return;
    }
    const from = head ? 1 : 0;
    const to = tail ? steps - 1 : steps;
    const stepBytes = this.lanes * 2;
    if (head) this.add(map, weights, 1, MASKS.head);
    if (to > from) this.add(map + from * stepBytes, weights + from * LINE_BYTES, to - from, MASKS.full);
    if (tail) this.add(map + to * stepBytes, weights + to * LINE_BYTES, 1, MASKS.tail);
  }

  private add(map: number, weights: number, steps: number, mask: number): void {
    const at = this.count * SEGMENT_FIELDS;
    const { segments } = this.kernel;
    segments[at] = map;
    segments[at + 1] = weights;
    segments[at + 2] = steps;
    segments[at + 3] = this.kernel.maskAddress(mask);
    this.count++;
  }

  /** Word i mod g of a step is kept from `head` on (first step) and below `tail` (last step). */
  private setMasks(head: number, tail: number): void {
    const set = (offset: number, keep: (i: number) => boolean): void => {
      const mask = this.kernel.mask(offset, LINE_WORDS);
      for (let lane = 0; lane < LINE_WORDS; lane++) mask[lane] = keep(lane % this.lanes) ? -1 : 0;
    };
    set(MASKS.head, (i) => i >= head);
    set(MASKS.tail, (i) => i < tail);
    set(MASKS.both, (i) => i >= head && i < tail);
  }
}
