/** The page: header, views on the left, the view, and what is selected on the right. */
import { useEffect } from 'preact/hooks';
import { formatNumber, formatPercent } from '../src/browser.ts';
import { DataTable, type TableColumn } from './parts/data-table.tsx';
import { Inspector } from './parts/inspector.tsx';
import { KeyHelp } from './parts/key-help.tsx';
import { MachinePanel, machineOpen } from './parts/machine-panel.tsx';
import { chooseFile, OpenPanel, openFiles } from './parts/open-panel.tsx';
import { ProgressBar } from './parts/progress-bar.tsx';
import { addKeys, helpOpen } from './state/keys.ts';
import {
  cancel,
  failure,
  machineChoice,
  NOTHING,
  network,
  notice,
  program,
  run,
  selection,
  selectLayer,
  source,
  statusKind,
  timing,
  VIEWS,
  type ViewName,
  view,
} from './state/store.ts';
import { theme, toggleTheme } from './state/theme.ts';
import { CompareView } from './views/compare.tsx';
import { GraphView } from './views/graph.tsx';
import { MachineView } from './views/machine.tsx';
import { ProgramView } from './views/program.tsx';
import { RunView } from './views/run.tsx';
import { SummaryView } from './views/summary.tsx';
import { TimelineView } from './views/timeline.tsx';
import { WhyView } from './views/why.tsx';
import type { NodeView } from './worker/protocol.ts';

const TITLES: Readonly<Record<ViewName, string>> = {
  summary: 'Summary',
  graph: 'Graph',
  timeline: 'Timeline',
  why: 'Why',
  program: 'Program',
  machine: 'Machine',
  compare: 'Compare',
  run: 'Run',
};

const COMPONENTS: Readonly<Record<ViewName, () => preact.JSX.Element | null>> = {
  summary: SummaryView,
  graph: GraphView,
  timeline: TimelineView,
  why: WhyView,
  program: ProgramView,
  machine: MachineView,
  compare: CompareView,
  run: RunView,
};

/** Views that show something before the timing is known. */
const EARLY: readonly ViewName[] = ['graph', 'compare'];

function moveLayer(step: number): void {
  const count = program.value?.layers.length ?? 0;
  if (count > 0) selectLayer(Math.min(count - 1, Math.max(0, selection.value.layer + step)));
}

function close(): void {
  source.value = undefined;
  cancel();
  run.value = undefined;
  selection.value = NOTHING;
  view.value = 'summary';
}

function usePageKeys(): void {
  useEffect(
    () =>
      addKeys([
        ...VIEWS.map((name, i) => ({ keys: [`${i + 1}`], title: TITLES[name], group: 'Views', act: () => (view.value = name) })),
        { keys: ['o'], title: 'open an ONNX file', group: 'Network', act: chooseFile },
        { keys: ['m'], title: 'choose the machine', group: 'Network', act: () => (machineOpen.value = !machineOpen.value) },
        { keys: ['x'], title: 'cancel the job', group: 'Network', act: cancel },
        { keys: ['j'], title: 'next layer', group: 'Selection', act: () => moveLayer(1) },
        { keys: ['k'], title: 'layer before', group: 'Selection', act: () => moveLayer(-1) },
        {
          keys: ['Escape'],
          title: 'close a panel, or select nothing',
          group: 'Selection',
          act: () => {
            if (helpOpen.value) helpOpen.value = false;
            else if (machineOpen.value) machineOpen.value = false;
            else selection.value = NOTHING;
          },
        },
        { keys: ['t'], title: 'light or dark', group: 'Page', act: toggleTheme },
        { keys: ['?'], title: 'this list', group: 'Page', act: () => (helpOpen.value = !helpOpen.value) },
      ]),
    [],
  );
}

function useDrop(): void {
  useEffect(() => {
    const over = (event: DragEvent): void => {
      event.preventDefault();
      document.body.classList.add('dragging');
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) document.body.classList.remove('dragging');
    };
    const drop = (event: DragEvent): void => {
      document.body.classList.remove('dragging');
      if (event.defaultPrevented) return; // a view took it
      event.preventDefault();
      openFiles(event.dataTransfer?.files);
    };
    window.addEventListener('dragover', over);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragover', over);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
    };
  }, []);
}

function Header() {
  const figures = timing.value?.profile.figures;
  const changed = Object.keys(machineChoice.value.changes).length > 0;
  return (
    <header class="top">
      <button type="button" class="brand" onClick={close} title="choose another network">
        <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
          <g stroke="currentColor" stroke-width="3" stroke-linecap="round">
            <path d="M16 4v24M5.6 10l20.8 12M26.4 10L5.6 22" />
          </g>
        </svg>
        Snowflake
      </button>
      <span class="what" id="network-name">
        {network.value?.name ?? source.value?.name ?? 'studio'}
      </span>
      <span class="headline" aria-live="polite">
        {figures && (
          <>
            <b>{formatNumber(figures.fps, 4)}</b> FPS <b>{formatPercent(figures.occupancy)}</b> <span class="wide">occupancy</span>{' '}
            <b>{formatNumber(figures.gbps)}</b> GB/s
          </>
        )}
      </span>
      <button
        type="button"
        class={changed ? 'chip changed' : 'chip'}
        aria-expanded={machineOpen.value}
        onClick={() => (machineOpen.value = !machineOpen.value)}
      >
        {machineChoice.value.preset}
        {changed && ' ·changed'} <kbd>m</kbd>
      </button>
      <button
        type="button"
        class="icon"
        onClick={toggleTheme}
        aria-label={`switch to ${theme.value === 'dark' ? 'light' : 'dark'} colours`}
        title="light or dark (t)"
      >
        {theme.value === 'dark' ? '☀' : '☾'}
      </button>
      <button type="button" class="icon" onClick={() => (helpOpen.value = true)} aria-label="keyboard shortcuts" title="keyboard (?)">
        ?
      </button>
    </header>
  );
}

function Navigation() {
  return (
    <nav class="views" aria-label="views">
      {VIEWS.map((name, i) => (
        <button
          key={name}
          type="button"
          data-view={name}
          aria-current={view.value === name ? 'page' : undefined}
          onClick={() => (view.value = name)}
        >
          {TITLES[name]} <kbd>{i + 1}</kbd>
        </button>
      ))}
    </nav>
  );
}

/** The nodes that can run nowhere, as `check` lists them. */
function Refusals() {
  const refused = network.value?.nodes.filter((node) => node.where === 'refused') ?? [];
  if (refused.length === 0) return null;
  return (
    <>
      <DataTable label="Nodes that can not run" columns={REFUSAL_COLUMNS} rows={refused} />
      <p>
        <button type="button" onClick={() => (view.value = 'graph')}>
          Show them in the graph
        </button>
      </p>
    </>
  );
}

const REFUSAL_COLUMNS: readonly TableColumn<NodeView>[] = [
  { title: 'node', left: true, value: (node) => node.node },
  { title: 'operator', left: true, value: (node) => node.op },
  { title: 'why', left: true, value: (node) => node.how },
  { title: 'what to do', left: true, value: (node) => node.remedy ?? '' },
];

function Content() {
  const now = run.value;
  const kind = statusKind.value;
  if (!now) return <OpenPanel />;
  const ready = timing.value !== undefined || (EARLY.includes(view.value) && (network.value?.nodes.length ?? 0) > 0);
  const View = COMPONENTS[view.value];
  if (kind === 'failed' && !ready) {
    return (
      <section class="failure">
        <h1>{now.source.name} can not be opened</h1>
        <p class="error" role="alert" id="failure">
          {failure.value}
        </p>
        <Refusals />
        <button type="button" onClick={close}>
          Choose another network
        </button>
      </section>
    );
  }
  if (kind === 'cancelled' && !ready) {
    return (
      <section class="failure">
        <h1>Cancelled</h1>
        <p id="cancelled">The work on {now.source.name} was ended.</p>
        <button type="button" onClick={close}>
          Choose another network
        </button>
      </section>
    );
  }
  if (!ready) return <p class="waiting">{TITLES[view.value]} appears when the program is compiled and timed.</p>;
  return <View />;
}

export function App() {
  usePageKeys();
  useDrop();
  const opened = run.value !== undefined;
  return (
    <div class={opened ? 'page opened' : 'page'}>
      <a class="skip" href="#main">
        Skip to the view
      </a>
      <Header />
      <ProgressBar />
      {opened && <Navigation />}
      <main id="main" tabIndex={-1}>
        <Content />
      </main>
      {opened && <Inspector />}
      {machineOpen.value && (
        <aside class="drawer" aria-label="machine">
          <MachinePanel />
        </aside>
      )}
      {helpOpen.value && <KeyHelp />}
      {notice.value && (
        <div class="notice" role="status">
          {notice.value}
          <button type="button" class="icon" aria-label="dismiss" onClick={() => (notice.value = undefined)}>
            ×
          </button>
        </div>
      )}
    </div>
  );
}
