/** Useful and lost cycles as one bar, causes by colour and by name. */
import { CAUSE_TEXTS, formatCount, formatPercent, LOST_CAUSES, type LostCause } from '../../src/browser.ts';
import { CAUSE_COLOURS, USEFUL_COLOUR } from './colours.ts';

interface Props {
  readonly cycles: number;
  readonly useful: number;
  readonly lost: Readonly<Record<LostCause, number>>;
  /** Length of the whole bar in cycles; default: its own. */
  readonly full?: number;
}

export function CauseBar({ cycles, useful, lost, full = cycles }: Props) {
  const parts = [
    { title: 'useful', colour: USEFUL_COLOUR, value: useful, why: 'products that reach a result' },
    ...LOST_CAUSES.map((cause) => ({
      title: CAUSE_TEXTS[cause].title,
      colour: CAUSE_COLOURS[cause],
      value: lost[cause],
      why: CAUSE_TEXTS[cause].meaning,
    })),
  ].filter((part) => part.value > 0);
  const label = parts.map((part) => `${part.title} ${formatPercent(part.value / cycles)}`).join(', ');
  return (
    <div class="cause-bar" role="img" aria-label={label}>
      {parts.map((part) => (
        <i
          key={part.title}
          style={{ width: `${(100 * part.value) / full}%`, background: part.colour }}
          title={`${part.title}: ${formatCount(part.value)} cycles, ${formatPercent(part.value / cycles)} — ${part.why}`}
        />
      ))}
    </div>
  );
}

/** What the colours mean. */
export function CauseLegend() {
  return (
    <ul class="legend">
      <li>
        <i style={{ background: USEFUL_COLOUR }} /> useful
      </li>
      {LOST_CAUSES.map((cause) => (
        <li key={cause} title={CAUSE_TEXTS[cause].meaning}>
          <i style={{ background: CAUSE_COLOURS[cause] }} /> {CAUSE_TEXTS[cause].title}
        </li>
      ))}
    </ul>
  );
}
