/**
 * The studio in a real browser: drop a model and get the figures of `bench`, look at one instruction, step the machine, change it, run a picture.
 * Needs Chromium (apt install chromium); without it the tests are skipped, but where CI is set its absence is a failure.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, type Studio, startStudio } from '../../scripts/studio-browser.ts';
import { compileModel, loadModel, MODELS, parseMachine, runCore, UNIT_FIELDS, writeOnnx } from '../../src/index.ts';
import { runCli } from '../run-cli.ts';
import { findAccessibilityFaults } from './axe.ts';

const chromium = findChromium();
if (!chromium && process.env.CI) throw new Error('studio tests: no Chromium found; apt install chromium');
if (!chromium) console.log('studio tests skipped: no Chromium found (apt install chromium, or set CHROMIUM)');

/** Wide enough for the table's rounding: the page shows four digits. */
const digits = (text: string | null): number => Number((text ?? '').replace(/[^\d.]/g, ''));

describe.skipIf(!chromium)('studio', () => {
  let studio: Studio;
  let folder: string;
  let model: string;
  let page: Page;
  /** Requests to other hosts, and errors of the page. */
  const foreign: string[] = [];
  const errors: string[] = [];

  const open = async (hash = '', options: { colorScheme?: 'light' | 'dark'; width?: number; height?: number } = {}): Promise<Page> => {
    const { colorScheme = 'light', width = 1280, height = 720 } = options;
    const context = await studio.browser.newContext({ viewport: { width, height }, colorScheme });
    const opened = await context.newPage();
    opened.setDefaultTimeout(60_000); // a busy machine
    opened.on('request', (request) => {
      if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(studio.address)) foreign.push(request.url());
    });
    opened.on('pageerror', (error) => errors.push(error.message));
    await opened.goto(studio.address + hash);
    return opened;
  };
  const textOf = (selector: string, of = page): Promise<string | null> => of.textContent(selector);
  const figure = async (id: string): Promise<number> => digits(await textOf(`#${id}`));
  const idle = (of = page): Promise<unknown> => of.waitForFunction(() => document.querySelector('.progress.active') === null);

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'snowflake-studio-'));
    model = path.join(folder, 'net.onnx');
    writeFileSync(model, writeOnnx(MODELS['ds-cnn'].build()));
    studio = await startStudio(chromium!, { name: 'net.onnx', bytes: writeOnnx(MODELS['ds-cnn'].build()) });
    page = await open();
  }, 120_000);
  afterAll(async () => {
    await studio?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const drop = (name: string, bytes: readonly number[] | undefined): Promise<void> =>
    page.evaluate(
      async ([file, content]) => {
        const data = content ? new Uint8Array(content) : await (await fetch(`open/${file}`)).arrayBuffer();
        const transfer = new DataTransfer();
        transfer.items.add(new File([data], file));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
      },
      [name, bytes] as const,
    );

  it('opens a dropped model and shows the figures of bench --json', async () => {
    await drop('net.onnx', undefined);
    await page.waitForSelector('#fps');
    await idle();
    const { stdout } = await runCli(['bench', model, '--json']);
    const [network] = (JSON.parse(stdout) as { networks: Record<string, number | boolean>[] }).networks;
    expect(await figure('cycles')).toBe(Math.round(Number(network.cycles)));
    expect(await figure('fps')).toBeCloseTo(Number(network.fps), 0);
    expect(await figure('occupancy')).toBeCloseTo(100 * Number(network.occupancy), 1);
    expect(await figure('gbps')).toBeCloseTo(Number(network.gbps), 2);
    expect(await textOf('#bits')).toBe('exact');
    expect(network.bitExact).toBe(true);
    expect(digits(await textOf('.figure:has(#bits) .note'))).toBeCloseTo(10 * Number((Number(network.sqnrDb) / 10).toFixed(2)), 0);
  }, 120_000);

  it('zooms the timeline down to one instruction and explains it', async () => {
    await page.click('[data-view=timeline]');
    const canvas = await page.waitForSelector('#timeline');
    const whole = await textOf('#timeline-range');
    await canvas.focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('.');
    await page.keyboard.press('f');
    await page.waitForSelector('#descriptor');
    expect(await textOf('#timeline-range')).not.toBe(whole);
    const start = digits(await textOf('#descriptor-start'));
    const [from, to] = (await textOf('#timeline-range'))!.match(/[\d,]+/g)!.map(digits);
    expect(start).toBeGreaterThanOrEqual(from);
    expect(start).toBeLessThanOrEqual(to);
    expect(await textOf('#descriptor h2')).toContain('instruction');
    // The same instruction is selected in the program.
    const instruction = /instruction (\d+)/.exec((await textOf('#descriptor h2'))!)![1];
    await page.click('[data-view=program]');
    expect(await page.getAttribute(`[data-instruction="${instruction}"]`, 'aria-pressed')).toBe('true');
  });

  it('exports the trace: one slice for each record of the log', async () => {
    await page.click('[data-view=timeline]');
    const slices = digits(/([\d,]+) slices/.exec((await textOf('.timeline .toolbar'))!)![1]);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.timeline button:text-is("Trace")')]);
    const trace = JSON.parse(readFileSync(await download.path(), 'utf8')) as { traceEvents: { ph: string }[] };
    expect(trace.traceEvents.filter((event) => event.ph === 'X')).toHaveLength(slices);
    await page.click('[data-view=program]');
  });

  it('searches the program', async () => {
    await page.fill('input[type=search]', 'GO ST');
    await page.keyboard.press('Enter');
    const last = await page.waitForSelector('.line.selected');
    expect(await last.textContent()).toMatch(/GO\s*ST/);
  });

  it('steps the machine and reads its registers', async () => {
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.click('[data-view=machine]');
    await page.waitForSelector('#registers');
    await page.fill('#cycle', '0');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => (document.querySelector('#cycle') as HTMLInputElement).value === '0');
    for (let step = 0; step < 4; step++) {
      const before = await page.inputValue('#cycle');
      await page.click('#step-event');
      await page.waitForFunction((cycle) => (document.querySelector('#cycle') as HTMLInputElement).value !== cycle, before);
    }
    const pc = digits(await textOf('#pc'));
    // The core of src/isa, at the same instruction.
    const graph = loadModel(model);
    const { program } = await compileModel(graph, { scope: 'convolutions', name: 'net' });
    let registers = new Int32Array(32);
    let fields: readonly number[] = [];
    runCore(
      program.instructions,
      () => {},
      undefined,
      (core, at) => {
        registers = core.registers.slice();
        fields = [...core.fields.LDM];
        return at === pc;
      },
    );
    for (let r = 0; r < 4; r++) expect(Number(await textOf(`#r${r}`))).toBe(registers[r]);
    const names = UNIT_FIELDS.LDM.map(({ name }) => name);
    for (const [i, name] of names.entries()) expect(Number(await textOf(`[id="LDM.${name}"]`)), name).toBe(fields[i]);
    expect(fields[names.indexOf('words')]).toBeGreaterThan(0);
    // To a breakpoint: the second layer.
    await page.fill('#break-text', '1');
    await page.keyboard.press('Enter');
    await page.click('#run-to-break');
    await page.waitForFunction((text) => document.querySelector('#pc')?.textContent !== text, `${pc}`);
    expect(digits(await textOf('#pc'))).toBeGreaterThan(pc);
  }, 60_000);

  it('changes the machine and compares', async () => {
    await page.click('[data-view=compare]');
    await page.click('text=half the bandwidth?');
    await page.waitForSelector('#comparison');
    const machine = path.join(folder, 'half.json');
    const half = parseMachine({ extends: 'xc7z045', name: 'half', dram: { bytesPerSecond: 2_100_000_000 } }, 'half');
    writeFileSync(machine, JSON.stringify(half));
    const { stdout } = await runCli(['bench', model, '--json', '--machine', machine]);
    const [network] = (JSON.parse(stdout) as { networks: { cycles: number }[] }).networks;
    expect(digits(await textOf('#comparison .figure:nth-child(3) dd'))).toBe(Math.round(network.cycles));
    // As the machine of the whole page: the same figures.
    await page.keyboard.press('m');
    await page.locator('#machine-dram-bytesPerSecond').fill('2');
    await page.keyboard.press('Escape');
    await page.click('[data-view=summary]');
    await page.waitForFunction(
      (cycles) => (document.querySelector('#cycles')?.textContent ?? '').replaceAll(',', '') === cycles,
      `${Math.round(network.cycles)}`,
    );
    await idle();
  }, 120_000);

  it('runs a picture', async () => {
    page = await open('#net=ds-cnn&scope=network');
    await page.waitForSelector('#fps');
    await idle();
    await page.click('[data-view=run]');
    const picture = path.join(folder, 'picture.png');
    await sharp({ create: { width: 64, height: 64, channels: 3, background: { r: 200, g: 120, b: 40 } } })
      .png()
      .toFile(picture);
    await page.setInputFiles('input[data-input]', picture);
    await page.waitForSelector('#run-result canvas.picture');
    expect(await page.locator('#run-result figure').count()).toBe(2);
    expect(await page.locator('#run-result tbody tr').count()).toBeGreaterThan(0);
    // A picture of one colour: the middle of the input is that colour.
    const centre = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('#run-result canvas.picture')!;
      return [...canvas.getContext('2d')!.getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data];
    });
    expect(centre[3]).toBe(255);
    expect(await page.locator('#run-result .classes li').count()).toBe(5);
  }, 120_000);

  it('says what is wrong with a broken file, as the command line does', async () => {
    const bytes = [...writeOnnx(MODELS['ds-cnn'].build()).subarray(0, 2000)];
    await drop('broken.onnx', bytes);
    const message = await (await page.waitForSelector('#failure')).textContent();
    const file = path.join(folder, 'broken.onnx');
    writeFileSync(file, Uint8Array.from(bytes));
    const { stderr } = await runCli(['check', file]);
    expect(stderr).toContain(message!.replace('broken.onnx', file));
    await drop('picture.jpg', [1, 2, 3]);
    expect(await textOf('.notice')).toContain('drop an ONNX model here');
  });

  it('lists the nodes that can not run, as check does', async () => {
    const graph = MODELS['ds-cnn'].build();
    const first = graph.nodes.findIndex((node) => node.op === 'Relu');
    const nodes = graph.nodes.map((node, i) => (i === first ? { ...node, op: 'Nonsense' } : node));
    await drop('nonsense.onnx', [...writeOnnx({ ...graph, nodes })]);
    const message = await (await page.waitForSelector('#failure')).textContent();
    expect(message).toContain('Nonsense');
    await page.waitForSelector('.failure tbody tr');
    expect(await textOf('.failure tbody')).toContain('Nonsense');
  });

  it('cancels a long job and goes on with another network', async () => {
    page = await open('#net=vgg16');
    await page.click('button.cancel');
    await page.waitForSelector('#cancelled');
    await page.click('text=Choose another network');
    await page.click('[data-net=ds-cnn]');
    await page.waitForSelector('#fps');
    await idle();
  }, 120_000);

  it('restores a view from its address', async () => {
    await page.click('[data-view=timeline]');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('f');
    await page.waitForFunction(() => /layer=1.*cycles=\d+-\d+/.test(location.hash));
    const [hash, shown] = [await page.evaluate(() => location.hash), await textOf('#timeline-range')];
    const other = await open(hash);
    await other.waitForSelector('#timeline-range');
    expect(await textOf('#timeline-range', other)).toBe(shown);
    expect(await textOf('.inspector h2', other)).toBe(await textOf('.inspector h2'));
    await other.context().close();
  }, 60_000);

  it.each(['light', 'dark'] as const)(
    'has no serious accessibility finding in any view (%s)',
    async (colorScheme) => {
      const opened = await open('', { colorScheme });
      const found: string[] = [];
      const check = async (where: string): Promise<void> => {
        for (const fault of await findAccessibilityFaults(opened)) found.push(`${where}: ${fault}`);
      };
      await check('open');
      await opened.click('[data-net=ds-cnn]');
      await opened.waitForSelector('#fps');
      await idle(opened);
      await opened.keyboard.press('j');
      for (const view of ['summary', 'graph', 'timeline', 'why', 'program', 'machine', 'compare', 'run']) {
        await opened.click(`[data-view=${view}]`);
        await opened.waitForTimeout(400);
        await check(view);
      }
      await opened.keyboard.press('m');
      await check('machine panel');
      await opened.keyboard.press('Escape');
      await opened.keyboard.press('?');
      await check('keyboard');
      await opened.context().close();
      expect(found).toEqual([]);
    },
    120_000,
  );

  it('fits a phone without scrolling sideways', async () => {
    const opened = await open('#net=ds-cnn', { width: 390, height: 844 });
    await opened.waitForSelector('#fps');
    for (const view of ['summary', 'why', 'run']) {
      await opened.click(`[data-view=${view}]`);
      const [full, seen] = await opened.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      expect(full, view).toBeLessThanOrEqual(seen);
    }
    await opened.context().close();
  }, 60_000);

  it('paints early, with little script, and asks no other host', async () => {
    const opened = await open();
    await opened.waitForSelector('.open-panel');
    const { paint, script } = await opened.evaluate(() => ({
      paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.POSITIVE_INFINITY,
      script: performance
        .getEntriesByType('resource')
        .filter((entry) => /\.m?js$/.test(entry.name))
        .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).decodedBodySize, 0),
    }));
    expect(paint).toBeLessThan(1000);
    expect(script).toBeGreaterThan(0);
    expect(script).toBeLessThan(1_500_000);
    await opened.context().close();
    expect(foreign).toEqual([]);
    expect(errors).toEqual([]);
  });
});
