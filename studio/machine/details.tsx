/** What a chosen block holds: registers of the core, the queue of a unit, its tokens, the words of a buffer; and what it is for. */
import { formatCount, formatWord, UNIT_FIELDS, type UnitKind } from '../../src/browser.ts';
import { layerColour } from '../parts/colours.ts';
import { program, selectDescriptor, timing } from '../state/store.ts';
import type { MachineView, TokenView } from '../worker/protocol.ts';
import { BLOCKS } from './blocks.ts';
import { BufferPeek } from './buffer-peek.tsx';
import type { Block } from './diagram.tsx';

export function BlockDetails({ state, block }: { readonly state: MachineView; readonly block: Block }) {
  const { kind, cu } = block;
  const text = BLOCKS[kind];
  return (
    <section class="block-details" aria-label={text.title}>
      <h2>
        {text.title}
        {cu >= 0 && ` of CU ${cu}`}
      </h2>
      <p class="muted explain">
        {text.text}{' '}
        <a href={`./spec/${text.link}`} target="_blank" rel="noreferrer">
          Specification
        </a>
      </p>
      {kind === 'core' && <CoreDetails state={state} />}
      {(kind === 'maps' || kind === 'weights' || kind === 'DRAM') && (
        <BufferPeek key={`${kind}${cu}`} space={kind === 'DRAM' ? 'dram' : kind} cu={Math.max(0, cu)} cycle={state.cycle} />
      )}
      {kind !== 'core' && kind !== 'maps' && kind !== 'weights' && kind !== 'DRAM' && (
        <UnitDetails state={state} kind={kind} name={cu >= 0 ? `${kind}${cu}` : kind} />
      )}
    </section>
  );
}

function CoreDetails({ state }: { readonly state: MachineView }) {
  const code = program.value;
  if (!code) return null;
  const word = code.instructions[state.pc];
  const near = [-2, -1, 0, 1, 2].map((d) => state.pc + d).filter((i) => i >= 0 && i < code.instructions.length);
  return (
    <>
      <ol class="near" aria-label="instructions around the program counter">
        {near.map((i) => (
          <li key={i} class={i === state.pc ? 'selected' : ''}>
            <span class="index">{i}</span> {formatWord(code.instructions[i])}
          </li>
        ))}
      </ol>
      <h3>Registers</h3>
      <dl class="registers" id="registers">
        <div>
          <dt>pc</dt>
          <dd id="pc">{state.pc}</dd>
        </div>
        {Array.from(state.registers, (value, r) => (
          <div key={r} class={value === 0 ? 'zero' : ''}>
            <dt>r{r}</dt>
            <dd id={`r${r}`}>{value}</dd>
          </div>
        ))}
      </dl>
      <h3>Field registers</h3>
      {Object.entries(state.fields).map(([unit, values]) => (
        <details key={unit} open={word !== undefined && formatWord(word).includes(`${unit}.`)}>
          <summary>{unit}</summary>
          <dl class="registers">
            {UNIT_FIELDS[unit as UnitKind].map(({ name, prose }, i) => (
              <div key={name} title={prose} class={values[i] === 0 ? 'zero' : ''}>
                <dt>{name}</dt>
                <dd id={`${unit}.${name}`}>{values[i]}</dd>
              </div>
            ))}
          </dl>
        </details>
      ))}
    </>
  );
}

function UnitDetails({ state, kind, name }: { readonly state: MachineView; readonly kind: UnitKind; readonly name: string }) {
  const log = timing.value?.log;
  const code = program.value;
  const unit = state.units.find((u) => u.name === name);
  if (!log || !code || !unit) return null;
  const entries = [
    ...(unit.running >= 0 ? [{ index: unit.running, running: true }] : []),
    ...unit.queue.map((index) => ({ index, running: false })),
  ];
  const tokens = state.tokens.filter((token) => token.to === name || token.from === name);
  return (
    <>
      <h3>
        {kind} runs and has queued ({unit.queue.length} of {code.machine.queueDepth})
      </h3>
      {entries.length === 0 && <p class="muted">Nothing: it is idle.</p>}
      <ol class="queue">
        {entries.map(({ index, running }) => (
          <li key={index}>
            <button type="button" class="link" onClick={() => selectDescriptor(index)}>
              <i class="swatch" style={{ background: layerColour(log.layer[index]) }} /> {code.layers[log.layer[index]]?.name}{' '}
              <span class="muted">
                instruction {log.instruction[index]},{' '}
                {running ? `runs until ${formatCount(log.end[index])}` : `starts at ${formatCount(log.start[index])}`}
              </span>
            </button>
          </li>
        ))}
      </ol>
      <h3>Tokens</h3>
      <Tokens tokens={tokens} />
    </>
  );
}

function Tokens({ tokens }: { readonly tokens: readonly TokenView[] }) {
  if (tokens.length === 0) return <p class="muted">All counters of this unit are 0.</p>;
  return (
    <ul class="tokens">
      {tokens.map((token) => (
        <li key={`${token.kind}${token.from}${token.to}`}>
          {token.kind} {token.from} → {token.to} <b>{token.count}</b>
        </li>
      ))}
    </ul>
  );
}
