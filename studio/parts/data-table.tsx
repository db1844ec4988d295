/** A table that sorts by any column and copies as CSV. Rows can be selected. */
import { useSignal } from '@preact/signals';
import { copyText, toCsv } from './download.ts';

export interface TableColumn<R> {
  readonly title: string;
  readonly hint?: string;
  /** What sorts and copies. */
  readonly value: (row: R) => number | string;
  /** What is shown; default the value. */
  readonly show?: (row: R) => preact.ComponentChildren;
  readonly left?: boolean;
}

interface Props<R> {
  readonly label: string;
  readonly columns: readonly TableColumn<R>[];
  readonly rows: readonly R[];
  readonly isSelected?: (row: R) => boolean;
  readonly onSelect?: (row: R) => void;
}

export function DataTable<R>({ label, columns, rows, isSelected, onSelect }: Props<R>) {
  const order = useSignal<{ column: number; up: boolean } | undefined>(undefined);
  const sorted = [...rows];
  if (order.value) {
    const { column, up } = order.value;
    const { value } = columns[column];
    sorted.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      const before = typeof x === 'number' && typeof y === 'number' ? x - y : `${x}`.localeCompare(`${y}`);
      return up ? before : -before;
    });
  }
  const sortBy = (column: number): void => {
    const now = order.value;
    if (now?.column === column) order.value = now.up ? undefined : { column, up: true };
    else order.value = { column, up: columns[column].left === true };
  };
  const copy = (): void => {
    const csv = toCsv(
      columns.map((c) => c.title),
      sorted.map((row) => columns.map((c) => c.value(row))),
    );
    void copyText(csv, label);
  };
  return (
    <div class="table-box">
      <div class="table-tools">
        <h3>{label}</h3>
        <button type="button" class="quiet" onClick={copy}>
          Copy CSV
        </button>
      </div>
      <div class="scroll-x">
        <table>
          <thead>
            <tr>
              {columns.map((column, i) => (
                <th
                  key={column.title}
                  scope="col"
                  class={column.left ? 'left' : ''}
                  aria-sort={order.value?.column !== i ? 'none' : order.value.up ? 'ascending' : 'descending'}
                >
                  <button type="button" title={column.hint ?? `sort by ${column.title}`} onClick={() => sortBy(i)}>
                    {column.title}
                    <span class="sort" aria-hidden="true">
                      {order.value?.column !== i ? '' : order.value.up ? '▲' : '▼'}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.map((row, r) => (
              <tr key={r} class={isSelected?.(row) ? 'selected' : ''} onClick={onSelect && (() => onSelect(row))}>
                {columns.map((column, i) => {
                  const shown = column.show ? column.show(row) : column.value(row);
                  return (
                    <td key={column.title} class={column.left ? 'left' : ''}>
                      {i === 0 && onSelect ? (
                        <button type="button" class="link" aria-pressed={isSelected?.(row) ?? false} onClick={() => onSelect(row)}>
                          {shown}
                        </button>
                      ) : (
                        shown
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
