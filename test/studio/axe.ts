/** Accessibility of a page by axe-core: serious and critical findings. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** "rule: element (why)" of each serious or critical finding. */
export async function findAccessibilityFaults(page: Page): Promise<string[]> {
  // Evaluated by the browser itself: the page's content policy allows no foreign script.
  await page.evaluate(`if (!window.axe) { ${SOURCE} }`);
  const { violations } = (await page.evaluate('window.axe.run(document, { resultTypes: ["violations"] })')) as AxeResult;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} (${failureSummary.replace(/\s+/g, ' ').slice(0, 240)})`),
    );
}
