/** Test runner settings. Most tests take milliseconds; the limit is for whole-program runs on a busy machine. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{src,models,scripts,test,hardware}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The default leaves a core to the runner itself, which has little to do: half of a machine of two.
    maxWorkers: '100%',
  },
});
