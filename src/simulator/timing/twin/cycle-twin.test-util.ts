/**
 * A naive twin of the timing engine for tests: the table of docs/microarchitecture.md, section 9, as a loop over cycles, with the memory
 * served cycle by cycle and beat by beat and the windows counted tap by tap. Slow, plain, and written apart from the engine.
 *
 * A cycle has three phases: what becomes visible in it, grants and starts from registered requests, then new requests.
 */
import type { CoreTrace } from '../../../isa/core.ts';
import { UNIT_ID } from '../../../isa/fields.ts';
import type { Program } from '../../../program/program.ts';
import { makeClock } from './clock.test-util.ts';
import { makeControl, type TwinRecord } from './control.test-util.ts';
import { makeCore } from './core.test-util.ts';
import { makeLoader } from './load.test-util.ts';
import { makeMac } from './mac.test-util.ts';
import { ENGINES, makeMemory } from './memory.test-util.ts';
import { makePorts } from './ports.test-util.ts';
import { makeStore } from './store.test-util.ts';
import { makeVec } from './vec.test-util.ts';

/** Cycles of a program and of each of its dispatches, as the timing engine's commit log has them. */
export function runTwin(program: Program, trace: CoreTrace): { cycles: number; records: readonly TwinRecord[] } {
  const m = program.machine;
  const clock = makeClock();
  const control = makeControl(m, trace, clock);
  const memory = makeMemory(m, clock);
  const core = makeCore(program, trace, clock, control, memory);
  const ports = makePorts(m, clock, control);
  const loaders = [
    makeLoader(UNIT_ID.LDM, ENGINES.LDM, m, trace, clock, control, memory),
    makeLoader(UNIT_ID.LDW, ENGINES.LDW, m, trace, clock, control, memory),
  ];
  const macs = Array.from({ length: m.computeUnits }, (_, cu) => makeMac(cu, m, trace, clock, control, ports));
  const vecs = Array.from({ length: m.computeUnits }, (_, cu) => makeVec(cu, m, trace, clock, control, ports));
  const store = makeStore(m, trace, clock, control, memory, ports);
  const reads = { vec: (cu: number) => vecs[cu].granted(), store: store.granted };
  const finished = (): boolean =>
    core.ended() && control.records.every((r) => r.end >= 0 && r.readSignal >= 0) && clock.idle() && memory.idle();

  for (; ; clock.advance()) {
    clock.begin();
    core.offer();
    for (const load of loaders) load();
    store.offer();
    const loadBus = memory.loadBus();
    memory.accept();
    memory.serve();
    core.execute();
    for (const mac of macs) mac();
    for (const vec of vecs) vec.start();
    store.start();
    ports.grant(loadBus, reads);
    ports.raiseResults();
    for (const vec of vecs) vec.raise();
    store.raise();
    if (finished()) return { cycles: clock.lastEvent() + 1, records: control.records };
  }
}
