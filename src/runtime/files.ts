/** Files that are never half-written, and clear errors for files that can't be read or written. */
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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

/** Size of a file in bytes. @throws InputError when there is none. */
export function fileSizeBytes(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw new InputError(`${path}: ${reasonOf(error)}`);
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

/** Fails early, before long work, when `path` could not be written as a file. @throws InputError */
export function checkWritableFile(path: string): void {
  const folder = dirname(path);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
  } catch (error) {
    throw new InputError(`${path}: can not be written: ${reasonOf(error)}`);
  }
}

/** Makes the folder where needed and proves, before long work, that files can be made in it. @throws InputError */
export function prepareOutputFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    rmSync(mkdtempSync(join(path, '.probe-')), { recursive: true });
  } catch (error) {
    throw new InputError(`${path}: can not be written: ${reasonOf(error)}`);
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
