/** Buffers of all typed arrays in plain data: given away with a message instead of copied. */
export function collectBuffers(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) collectBuffers(inner, found);
  return [...found];
}
