import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { checkWritableFile, checkWritableFolder, fileNameOf, makeFolder, readInputFile, writeFileAtomic } from './files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snowflake-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('files', () => {
  it('replaces a file whole and leaves nothing else behind', () => {
    const path = join(folder, 'a.bin');
    writeFileSync(path, 'old');
    writeFileAtomic(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a.bin']);
  });

  it('names a place that can not be written, and leaves nothing behind', () => {
    expect(() => writeFileAtomic(join(folder, 'missing', 'a'), 'x')).toThrow(/missing.*can not be written: no such file/);
    expect(() => checkWritableFile(join(folder, 'missing', 'a'))).toThrow(InputError);
    expect(() => checkWritableFile(folder)).toThrow(/it is a folder/);
    writeFileSync(join(folder, 'file'), '');
    expect(() => checkWritableFolder(join(folder, 'file'))).toThrow(/not a folder/);
    expect(() => checkWritableFolder(join(folder, 'file', 'sub'))).toThrow(/can not be written/);
    expect(() => makeFolder(join(folder, 'file', 'sub'))).toThrow(InputError);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('names the folder that is missing, and ends where nothing can be made', () => {
    expect(() => checkWritableFile(join(folder, 'none', 'a'))).toThrow(`no such file or folder: ${join(folder, 'none')}; make it first`);
    // A Linux that has /proc: nothing can be made in it, not even by root.
    if (existsSync('/proc/self')) expect(() => makeFolder('/proc/snowflake/sub')).toThrow(InputError);
    writeFileSync(join(folder, 'file'), '');
    expect(() => makeFolder(join(folder, 'file'))).toThrow(InputError);
  });

  it('makes the output folder, and accepts one that exists', () => {
    const path = join(folder, 'a', 'b');
    checkWritableFolder(path);
    expect(existsSync(join(folder, 'a'))).toBe(false);
    makeFolder(path);
    makeFolder(path);
    checkWritableFolder(path);
    expect(readdirSync(path)).toEqual([]);
    checkWritableFile(join(path, 'c'));
    expect(existsSync(join(path, 'c'))).toBe(false);
  });

  it('names a file that can not be read', () => {
    expect(() => readInputFile(join(folder, 'none'))).toThrow(/none: no such file/);
    expect(() => readInputFile(folder)).toThrow(/it is a folder, a file was expected/);
    if (process.getuid?.() === 0) return; // root reads everything
    writeFileSync(join(folder, 'secret'), '');
    chmodSync(join(folder, 'secret'), 0);
    expect(() => readInputFile(join(folder, 'secret'))).toThrow(/permission denied/);
  });

  it('makes file names of value names', () => {
    expect(fileNameOf('a/b:c\\d?')).toBe('a_b_c_d_');
    expect(fileNameOf('..')).toBe('_');
    expect(fileNameOf('')).toBe('_');
    expect(fileNameOf('Plus214_Output_0')).toBe('Plus214_Output_0');
  });
});
