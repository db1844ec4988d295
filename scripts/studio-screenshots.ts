/** Pictures of every view of the studio, for docs/studio/: `npm run studio:screenshots`. Look at them before committing. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { findChromium, startStudio } from './studio-browser.ts';

const FOLDER = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), 'docs', 'studio');

interface Shot {
  readonly name: string;
  readonly hash: string;
  /** What must be there. */
  readonly wait: string;
  readonly dark?: boolean;
  readonly phone?: boolean;
  readonly act?: (page: Page) => Promise<void>;
}

const pressTimes = async (page: Page, key: string, times: number): Promise<void> => {
  for (let i = 0; i < times; i++) await page.keyboard.press(key);
};

const SHOTS: readonly Shot[] = [
  { name: 'open', hash: '', wait: '.open-panel' },
  { name: 'summary', hash: '#net=alexnet&layer=1', wait: '#result-seconds' },
  { name: 'graph', hash: '#net=squeezenet1.1&view=graph&layer=3', wait: '.node.chosen' },
  { name: 'timeline', hash: '#net=alexnet&view=timeline', wait: '#timeline' },
  {
    name: 'timeline-instruction',
    hash: '#net=alexnet&view=timeline&cycles=268000-292000',
    wait: '#timeline',
    dark: true,
    act: async (page) => {
      const box = (await page.locator('#timeline').boundingBox())!;
      await page.mouse.click(box.x + box.width * 0.75, box.y + 150);
    },
  },
  { name: 'why', hash: '#net=alexnet&view=why', wait: '.why' },
  {
    name: 'program',
    hash: '#net=alexnet&view=program&descriptor=300',
    wait: '.line.selected',
    dark: true,
  },
  {
    name: 'machine',
    hash: '#net=alexnet&view=machine&descriptor=300',
    wait: '.diagram',
    act: async (page) => {
      await page.click('.block[aria-label^="MAC2"]');
    },
  },
  {
    name: 'machine-buffer',
    hash: '#net=alexnet&view=machine&descriptor=23',
    wait: '.diagram',
    dark: true,
    act: async (page) => {
      await page.click('.block[aria-label^="maps"]');
      await page.click('text=Map that the instruction reads');
      await page.waitForTimeout(1000);
      await page.locator('.block-details').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'compare',
    hash: `#net=alexnet&view=compare&other=${encodeURIComponent(JSON.stringify({ preset: 'xc7z045', changes: { computeUnits: 8 } }))}`,
    wait: '#comparison',
  },
  {
    name: 'run',
    hash: '#net=alexnet&scope=network&view=run',
    wait: '#run-button',
    act: async (page) => {
      await page.click('#run-button');
      await page.waitForSelector('#run-result', { timeout: 120_000 });
    },
  },
  { name: 'keyboard', hash: '#net=alexnet&view=timeline', wait: '#timeline', dark: true, act: (page) => pressTimes(page, '?', 1) },
  { name: 'phone', hash: '#net=alexnet', wait: '#result-seconds', phone: true },
];

const chromium = findChromium();
if (!chromium) throw new Error('no Chromium found: apt install chromium');
const wanted = process.argv.slice(2);
mkdirSync(FOLDER, { recursive: true });
const studio = await startStudio(chromium);
try {
  for (const shot of SHOTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const viewport = shot.phone ? { width: 390, height: 844 } : { width: 1280, height: 720 };
    const page = await studio.browser.newPage({ viewport, colorScheme: shot.dark ? 'dark' : 'light' });
    await page.goto(studio.address + shot.hash);
    await page.waitForSelector(shot.wait, { timeout: 120_000 });
    await page.waitForFunction(() => document.querySelector('.progress.active') === null, undefined, { timeout: 120_000 });
    await shot.act?.(page);
    await page.waitForTimeout(500);
    const picture = await page.screenshot();
    const { size } = await sharp(picture)
      .webp({ quality: 82 })
      .toFile(path.join(FOLDER, `${shot.name}.webp`));
    console.log(`docs/studio/${shot.name}.webp ${Math.round(size / 1024)} KB`);
    await page.close();
  }
} finally {
  await studio.close();
}
