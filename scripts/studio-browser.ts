/** The studio in a real browser, for tests and screenshots: Debian's Chromium, the built site on a server of its own. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { createStudioServer } from '../src/cli/studio-server.ts';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const SITE = path.join(ROOT, 'dist', 'studio');

/** Path of a Chromium; undefined when there is none. The variable CHROMIUM names another one. */
export function findChromium(): string | undefined {
  return [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (candidate) => candidate !== undefined && existsSync(candidate),
  );
}

function newest(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce((latest, entry) => {
    const found = statSync(path.join(folder, entry), { throwIfNoEntry: false });
    return found?.isFile() ? Math.max(latest, found.mtimeMs) : latest;
  }, 0);
}

/** Builds the site where it is older than its sources. */
function ensureSite(): string {
  const built = statSync(path.join(SITE, 'index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = Math.max(...['studio', 'src', 'models'].map((folder) => newest(path.join(ROOT, folder))));
  if (built < sources) execFileSync(process.execPath, [path.join(ROOT, 'scripts', 'build-studio.mjs')], { cwd: ROOT, stdio: 'pipe' });
  return SITE;
}

export interface Studio {
  readonly browser: Browser;
  /** Address of the site, with a slash at the end. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Starts a browser and a server of the site.
 * @param model bytes that the page can fetch from open/NAME
 * @param site folder of another site
 */
export async function startStudio(
  executablePath: string,
  model?: { readonly name: string; readonly bytes: Uint8Array },
  site = ensureSite(),
): Promise<Studio> {
  const server: Server = createStudioServer(site, model);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  return {
    browser,
    address: `http://127.0.0.1:${port}/`,
    close: async () => {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
