/** Keyboard: every action has a key, and the list that `?` shows is made from the same table. */
import { signal } from '@preact/signals';

export interface KeyAction {
  /** As KeyboardEvent.key; several do the same. */
  readonly keys: readonly string[];
  readonly title: string;
  /** Heading in the list. */
  readonly group: string;
  readonly act: (event: KeyboardEvent) => void;
}

const groups: KeyAction[][] = [];
/** Changes when actions come or go. */
export const keyActions = signal<readonly KeyAction[]>([]);
export const helpOpen = signal(false);

/** Adds actions while a view is there; returns what takes them away. */
export function addKeys(actions: readonly KeyAction[]): () => void {
  const group = [...actions];
  groups.push(group);
  keyActions.value = groups.flat();
  return () => {
    groups.splice(groups.indexOf(group), 1);
    keyActions.value = groups.flat();
  };
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName));
}

export function listenToKeys(): void {
  window.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (isTyping(event.target) && event.key !== 'Escape')) return;
    const found = keyActions.value.findLast((action) => action.keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found.act(event);
  });
}
