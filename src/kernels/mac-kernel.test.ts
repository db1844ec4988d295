/** The committed WebAssembly is what its source compiles to; instances are independent and loads are synchronous. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createMacKernel } from './mac-kernel.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

it('the generated module is up to date', { timeout: 60_000 }, () => {
  const run = (): Buffer => execFileSync(process.execPath, ['scripts/build-kernels.mjs', '--check'], { cwd: root, stdio: 'pipe' });
  expect(run).not.toThrow();
});

it('instances have memory of their own, zeroed, with room around the data', () => {
  const [a, b] = [createMacKernel(1000, 10), createMacKernel(100_000, 10)];
  new Uint8Array(a.buffer).fill(1);
  expect(new Uint8Array(b.buffer).every((byte) => byte === 0)).toBe(true);
  expect(b.dataAddress % 64).toBe(0);
  expect(b.buffer.byteLength).toBeGreaterThanOrEqual(b.dataAddress + 100_000 + 256);
  expect(b.segments).toHaveLength(40);
});
