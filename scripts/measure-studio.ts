/**
 * Measures the studio in Chromium: `npm run studio:measure`. AlexNet from drop to results, the timeline with 300,000 slices, ResNet-50's memory and
 * longest task of the page, first paint and bytes of script. Prints JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { MODELS, writeOnnx } from '../src/index.ts';
import { renderMarkdown, writeSection } from './markdown.ts';
import { findChromium, type Studio, startStudio } from './studio-browser.ts';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Longest task of the page's thread in a trace: its time on the processor, however busy the machine is otherwise. Milliseconds. */
function longestTask(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as {
    traceEvents: readonly { name: string; pid: number; tid: number; tdur?: number; args?: { name?: string } }[];
  };
  const pages = new Set(
    traceEvents.filter((e) => e.name === 'thread_name' && e.args?.name === 'CrRendererMain').map((e) => `${e.pid} ${e.tid}`),
  );
  return traceEvents
    .filter((e) => e.name === 'ThreadControllerImpl::RunTask' && pages.has(`${e.pid} ${e.tid}`))
    .reduce((most, e) => Math.max(most, (e.tdur ?? 0) / 1000), 0);
}

/** Drops open/NAME on the page and waits for the results; seconds from the drop, by the page's own clock. */
async function dropToResults(studio: Studio, hash: string, name: string): Promise<object> {
  const page = await studio.browser.newPage({ viewport: { width: 1280, height: 720 } });
  await page.goto(studio.address + hash);
  await page.waitForSelector('.open-panel');
  const { paint, script } = await page.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
    script: performance
      .getEntriesByType('resource')
      .filter((entry) => /\.m?js$/.test(entry.name))
      .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).decodedBodySize, 0),
  }));
  await studio.browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
  await page.evaluate(async (file) => {
    const data = await (await fetch(`open/${file}`)).arrayBuffer();
    const transfer = new DataTransfer();
    transfer.items.add(new File([data], file));
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, name);
  await page.waitForFunction(() => Number(document.querySelector('#result-seconds')?.textContent) > 0, undefined, { timeout: 300_000 });
  for (const view of ['graph', 'timeline', 'why', 'program', 'machine']) {
    await page.click(`[data-view=${view}]`);
    await page.waitForTimeout(700);
  }
  const longest = longestTask(await studio.browser.stopTracing());
  const memory = await page.evaluate(async () => {
    const measured = await (
      performance as unknown as { measureUserAgentSpecificMemory?: () => Promise<{ bytes: number }> }
    ).measureUserAgentSpecificMemory?.();
    return measured?.bytes;
  });
  await page.click('[data-view=summary]');
  const seconds = Number(await page.textContent('#result-seconds'));
  await page.close();
  return { firstPaintMs: paint, scriptBytes: script, resultSeconds: seconds, memoryBytes: memory, longestTaskMs: longest };
}

async function measureTimeline(executable: string): Promise<object> {
  const folder = mkdtempSync(path.join(tmpdir(), 'snowflake-bench-'));
  try {
    await build({
      root: path.join(ROOT, 'studio', 'bench'),
      base: './',
      configFile: false,
      logLevel: 'error',
      build: { outDir: folder, emptyOutDir: true },
    });
    const studio = await startStudio(executable, undefined, folder);
    const page = await studio.browser.newPage({ viewport: { width: 1280, height: 720 } });
    await page.goto(studio.address);
    await page.waitForFunction('typeof window.panAndZoom === "function"');
    // Time of the page's thread on the processor: what it takes however busy the machine is otherwise.
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const processorMs = async (): Promise<number> =>
      1000 * ((await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0);
    const atStart = await processorMs();
    const firstDrawMs = Number(await page.evaluate('window.drawFirst()'));
    const drawn = await processorMs();
    const frames = 180;
    const fps = Number(await page.evaluate(`window.panAndZoom(${frames})`));
    const processorMsPerFrame = ((await processorMs()) - drawn) / frames;
    await studio.close();
    return { firstDrawMs, firstDrawProcessorMs: drawn - atStart, fps, processorMsPerFrame };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const chromium = findChromium();
if (!chromium) throw new Error('no Chromium found: apt install chromium');
const write = process.argv.includes('--write');
const wanted = process.argv.slice(2).filter((name) => name !== '--write');
const results: Record<string, object> = {};
if (wanted.length === 0 || wanted.includes('timeline')) results.timeline = await measureTimeline(chromium);
for (const name of ['alexnet', 'resnet50']) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const scope = name === 'resnet50' ? 'network' : 'convolutions';
  const studio = await startStudio(chromium, { name: `${name}.onnx`, bytes: writeOnnx(MODELS[name].build({ scope })) });
  results[name] = await dropToResults(studio, scope === 'network' ? '#scope=network' : '', `${name}.onnx`);
  await studio.close();
}
console.log(JSON.stringify(results, null, 2));
if (write) writeReadme();

/** The table of the README, between its marks. */
function writeReadme(): void {
  const timeline = results.timeline as { fps: number; firstDrawMs: number; firstDrawProcessorMs: number; processorMsPerFrame: number };
  const [alexnet, resnet] = [results.alexnet, results.resnet50] as unknown as {
    firstPaintMs: number;
    scriptBytes: number;
    resultSeconds: number;
    memoryBytes: number;
    longestTaskMs: number;
  }[];
  const rows = [
    ['AlexNet, convolutions: from drop to cycles, bits and timeline', `${alexnet.resultSeconds.toFixed(1)} s`, '4 s'],
    [
      'timeline with 300,000 slices, first draw',
      `${timeline.firstDrawMs.toFixed(0)} ms (${timeline.firstDrawProcessorMs.toFixed(0)} ms of processor time)`,
      '200 ms',
    ],
    [
      'timeline with 300,000 slices, pan and zoom',
      `${timeline.fps.toFixed(0)} frames/s (${timeline.processorMsPerFrame.toFixed(1)} ms of processor time each)`,
      '50 frames/s',
    ],
    [
      'ResNet-50, whole network',
      `${resnet.resultSeconds.toFixed(0)} s, ${(resnet.memoryBytes / 1e9).toFixed(2)} GB, longest task of the page ${resnet.longestTaskMs.toFixed(0)} ms of processor time`,
      '1.5 GB, 100 ms',
    ],
    ['first paint', `${alexnet.firstPaintMs.toFixed(0)} ms`, '1000 ms'],
    ['script before ONNX Runtime Web', `${(alexnet.scriptBytes / 1e6).toFixed(2)} MB`, '1.5 MB'],
  ];
  const titles = [
    `measured by \`npm run studio:measure\` (Chromium without a GPU, ${cpus().length} cores, load ${loadavg()[0].toFixed(0)})`,
    '',
    'at most / at least',
  ];
  const table = renderMarkdown(
    titles.map((title) => ({ title, align: 'left' })),
    rows,
  );
  writeSection(path.join(ROOT, 'README.md'), 'studio', table);
}
