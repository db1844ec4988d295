/** Validation findings as one sentence for people: which value, what is allowed, what was found. */
import type { z } from 'zod';

const MOST_ISSUES = 5;

/** e.g. `latency.macSetup: Too small: expected number to be >=1 (found 0)`; further findings after semicolons, at most five. */
export function describeIssues(error: z.ZodError, root: unknown): string {
  const parts = error.issues.slice(0, MOST_ISSUES).map((issue) => {
    const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
    const found = valueAt(root, issue.path);
    const shown = issue.code === 'unrecognized_keys' || found === undefined ? '' : ` (found ${abbreviate(found)})`;
    return `${path === '' ? 'the whole' : path.replace(/^\./, '')}: ${issue.message}${shown}`;
  });
  const more = error.issues.length - parts.length;
  return `${parts.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function abbreviate(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
