/** The quick formal properties as tests: they skip by name where the solver is missing; with CI=true that is a failure. */
import { describe, expect, it } from 'vitest';
import { checkProperty, findMissingTool, PROPERTIES } from './formal.ts';

const missing = findMissingTool();
if (missing !== undefined && process.env.CI === 'true') throw new Error(missing);
if (missing !== undefined) console.log(`formal properties skipped: ${missing}`);

describe.skipIf(missing !== undefined)('formal properties', () => {
  for (const property of PROPERTIES.filter(({ quick }) => quick)) {
    it(`${property.module}: ${property.says}`, async () => {
      const { ok, log } = await checkProperty(property);
      expect(ok, log).toBe(true);
    }, 300_000);
  }
});
