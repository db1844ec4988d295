/** The profile as files: the report, the trace, the table, everything. */
import { notice, run } from '../state/store.ts';
import type { ExportKind } from '../worker/protocol.ts';
import { saveFile } from './download.ts';

const FILES: Readonly<Record<ExportKind, { readonly ending: string; readonly type: string; readonly title: string }>> = {
  html: { ending: 'profile.html', type: 'text/html', title: 'Report (HTML)' },
  trace: { ending: 'trace.json', type: 'application/json', title: 'Trace (Perfetto)' },
  csv: { ending: 'profile.csv', type: 'text/csv', title: 'Table (CSV)' },
  json: { ending: 'profile.json', type: 'application/json', title: 'Profile (JSON)' },
};

export async function saveProfile(kind: ExportKind): Promise<void> {
  const now = run.value;
  if (!now) return;
  try {
    const { ending, type } = FILES[kind];
    saveFile(`${now.network.value?.name ?? 'network'}.${ending}`, await now.call('export', { kind }), type);
  } catch (error) {
    notice.value = (error as Error).message;
  }
}

export function ExportButtons() {
  return (
    <p class="exports">
      <span class="muted">Take along:</span>
      {(Object.keys(FILES) as ExportKind[]).map((kind) => (
        <button key={kind} type="button" class="quiet" onClick={() => void saveProfile(kind)}>
          {FILES[kind].title}
        </button>
      ))}
    </p>
  );
}
