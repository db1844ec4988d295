/** Settings of `npm run test:full`: long runs of the RTL, two files at a time. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['hardware/**/*.full-test.ts'], testTimeout: 1_200_000, hookTimeout: 1_200_000, maxWorkers: 2 },
});
