/** Options that several commands share: their texts, parsers and messages. */
import { InvalidArgumentError, Option } from 'commander';
import { CHANNEL_ORDERS, IMAGE_FITS, IMAGE_LAYOUTS, type ImageOptions } from '../index.ts';

/** Values of `--shape`: by input name all dims, by dimension name one number. */
export type Shapes = Record<string, readonly number[] | number>;

/** `--machine`. */
export function machineOption(): Option {
  return new Option('-m, --machine <preset|file>', 'the machine: a preset or a JSON file').default('xc7z045');
}

/** `--shape`, repeatable; read as `Shapes`. */
export function shapeOption(): Option {
  return new Option(
    '--shape <NAME=DIMS>',
    'value of a dynamic dimension (N=1) or of a whole input (data=1,3,224,224); repeatable',
  ).argParser((text: string, previous: Shapes | undefined): Shapes => {
    const match = /^(.+)=(\d+(?:[,x]\d+)*)$/.exec(text);
    if (!match) throw new InvalidArgumentError('expected NAME=1 or NAME=1,3,224,224.');
    const numbers = match[2].split(/[,x]/).map(Number);
    // One number is a dimension's value; the reader takes it for an input of rank 1 as well.
    return { ...previous, [match[1]]: numbers.length === 1 ? numbers[0] : numbers };
  });
}

/** `--seed`. */
export function seedOption(what: string): Option {
  return new Option('--seed <n>', what).argParser(parseCount);
}

/** `--batch`: frames, 1 unless given. */
export function batchOption(): Option {
  return new Option('--batch <n>', 'frames that share one fetch of the weights').argParser(parsePositive).default(1);
}

/** `--scope`; each command has its own default. */
export function scopeOption(): Option {
  return new Option('--scope <scope>', 'the network up to its last convolution and what is fused behind it, or all of it').choices([
    'convolutions',
    'network',
  ]);
}

/** `--numbers`. */
export function numbersOption(): Option {
  return new Option('--numbers <mode>', 'binary points: one a tensor from calibration, or 8 fraction bits everywhere')
    .choices(['calibrated', 'q8.8'])
    .default('calibrated');
}

/** `--calibrate`; read by loadSamples. */
export function calibrateOption(): Option {
  return new Option(
    '--calibrate <files...>',
    'sample inputs (.npy, .pb, image) from which binary points are chosen; NAME=FILE for several inputs',
  );
}

/** Read as `host`: true unless ruled out. */
export function hostOption(): Option {
  return new Option('--no-host', 'refuse a network that the accelerator can not run alone');
}

/** What runs a program: the simulated machine, the integer reference, the RTL in Verilator. */
export type DeviceName = 'simulator' | 'reference' | 'rtl';

/** `--device` among those that a command can use. */
export function deviceOption(choices: readonly DeviceName[]): Option {
  return new Option('-d, --device <device>', 'what runs the program; rtl: the hardware description in Verilator')
    .choices([...choices])
    .default('simulator');
}

/** `--json`. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON');
}

/** Options that say how an image becomes an input. */
export function imageOptions(): Option[] {
  const numbers = (text: string): number[] => {
    const values = text.split(',').map(Number);
    if (values.some((v) => !Number.isFinite(v))) throw new InvalidArgumentError('expected a number, or numbers separated by commas.');
    return values;
  };
  return [
    new Option('--fit <how>', 'images: fit to the input by').choices([...IMAGE_FITS]).default('stretch'),
    new Option('--channel-order <order>', 'images: order of the colours').choices([...CHANNEL_ORDERS]).default('rgb'),
    new Option('--layout <layout>', 'images: order of the dimensions (default: as the input looks)').choices([...IMAGE_LAYOUTS]),
    new Option('--scale <x>', 'images: factor of the pixels 0–255 (default: 1/255, for uint8 inputs 1)').argParser(
      (text) => numbers(text)[0],
    ),
    new Option('--mean <numbers>', 'images: subtracted after scaling, one number or one a channel').argParser(numbers),
    new Option('--std <numbers>', 'images: divisor after that').argParser(numbers),
  ];
}

/** The image part of a command's options. */
export function imageOptionsOf(options: ImageOptions): ImageOptions {
  const { fit, channelOrder, layout, scale, mean, std } = options;
  return { fit, channelOrder, layout, scale, mean, std };
}

/** A whole number from 0 on. @throws InvalidArgumentError */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('expected a whole number.');
  return value;
}

/** A whole number from 1 on. @throws InvalidArgumentError */
export function parsePositive(text: string): number {
  const value = parseCount(text);
  if (value === 0) throw new InvalidArgumentError('expected a whole number above 0.');
  return value;
}

/** A TCP port, 0 for any. @throws InvalidArgumentError */
export function parsePort(text: string): number {
  const value = parseCount(text);
  if (value > 65535) throw new InvalidArgumentError('expected a port from 0 to 65535.');
  return value;
}

/** Splits NAME=FILE; without a name the whole text is the file. An existing path with '=' in it needs the name in front. */
export function splitNamedFile(text: string): { name: string | undefined; file: string } {
  const at = text.indexOf('=');
  return at > 0 ? { name: text.slice(0, at), file: text.slice(at + 1) } : { name: undefined, file: text };
}
