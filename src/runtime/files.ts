/** Files that are never half-written, and clear errors for files that can't be read or written. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../util/errors.ts';

/** A plain Uint8Array, not a Buffer, whose `slice` would be a view. @throws InputError when the file can't be read. */
export function readInputFile(path: string): Uint8Array {
  try {
    const { buffer, byteOffset, byteLength } = readFileSync(path);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    throw new InputError(`${path}: ${reasonOf(error)}`);
  }
}

/** The first bytes of a file, fewer where it is shorter. @throws InputError when the file can't be read. */
export function readFileStart(path: string, sizeBytes: number): Uint8Array {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const bytes = new Uint8Array(sizeBytes);
    return bytes.subarray(0, readSync(file, bytes));
  } catch (error) {
    throw new InputError(`${path}: ${reasonOf(error)}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/**
 * Writes through a temporary file in the same folder and renames it: readers see the old file or the whole new one.
 * @throws InputError when the place can't be written
 */
export function writeFileAtomic(path: string, content: Uint8Array | string): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new InputError(`${path}: can not be written: ${reasonOf(error)}`);
  }
}

/** Bytes that are collected before they are written. */
const CHUNK_CHARACTERS = 1 << 20;

/**
 * Writes text piece by piece, so that it need not fit in memory; as writeFileAtomic otherwise.
 * @throws InputError when the place can't be written
 */
export function writeFilePieces(path: string, pieces: Iterable<string>): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  let file: number | undefined;
  try {
    file = openSync(temporary, 'w');
    let chunk = '';
    for (const piece of pieces) {
      chunk += piece;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      writeFileSync(file, chunk);
      chunk = '';
    }
    writeFileSync(file, chunk);
    closeSync(file);
    file = undefined;
    renameSync(temporary, path);
  } catch (error) {
    if (file !== undefined) closeSync(file);
    rmSync(temporary, { force: true });
    throw new InputError(`${path}: can not be written: ${reasonOf(error)}`);
  }
}

/** Fails early, before long work, when `path` could not be written as a file. @throws InputError */
export function checkWritableFile(path: string): void {
  const folder = dirname(path);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
    if (!existsSync(folder)) throw new Error(`no such file or folder: ${folder}; make it first`);
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
  } catch (error) {
    throw new InputError(`${path}: can not be written: ${reasonOf(error)}`);
  }
}

/** Fails early, before long work, when files could not be made in a folder, which need not exist yet. Leaves nothing behind. @throws InputError */
export function checkWritableFolder(path: string): void {
  try {
    let existing = path;
    while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
    if (!statSync(existing).isDirectory()) throw new Error(`${existing} is not a folder`);
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new InputError(`${path}: can not be written: ${reasonOf(error)}`);
  }
}

/** Makes a folder and those above it where needed. @throws InputError */
export function makeFolder(path: string): void {
  try {
    // One by one: where a folder lets nothing be made in it as if it were not there (/proc), Node's own recursion never ends.
    const missing: string[] = [];
    for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
    for (const folder of missing) mkdirSync(folder);
    if (!statSync(path).isDirectory()) throw new Error('it is a file');
  } catch (error) {
    throw new InputError(`${path}: can not be made: ${reasonOf(error)}`);
  }
}

/** A value's name as a file name: characters that a file name can't hold, on any system, become `_`. */
export function fileNameOf(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among those that must go
  const safe = name.replace(/[\u0000-\u001f<>:"/\\|?*]/g, '_').replace(/^\.+$/, '_');
  return safe === '' ? '_' : safe;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder, a file was expected',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'it exists and is not a folder',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
};

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return (code !== undefined && REASONS[code]) || (error as Error).message;
}
