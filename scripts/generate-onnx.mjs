/**
 * Generates the ONNX codec, src/graph/onnx/generated/onnx.js and its types, from src/graph/onnx/onnx.proto with protobufjs-cli: static code, so that
 * nothing is compiled at run time (pages whose content security policy forbids eval load it). `--check` compares instead of writing and fails on a difference.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pbjs from 'protobufjs-cli/pbjs.js';

const SOURCE = 'src/graph/onnx/onnx.proto';
const FOLDER = 'src/graph/onnx/generated';
/** Absent fields are null, as the file has it, instead of the type's zero. */
const OPTIONS = ['--target', 'static-module', '--wrap', 'esm', '--root', 'snowflake-onnx', '--null-semantics'].concat(
  ['create', 'verify', 'convert', 'delimited', 'typeurl', 'service'].map((part) => `--no-${part}`),
);

const run = promisify(pbjs.main);
const folder = mkdtempSync(path.join(tmpdir(), 'snowflake-onnx-'));
const generated = new Map();
try {
  const at = (name) => path.join(folder, name);
  // Types are made from the comments; the code is kept without them.
  await run([...OPTIONS, '--dts', '--out', at('types.js'), SOURCE]);
  await run([...OPTIONS, '--no-comments', '--out', at('onnx.js'), SOURCE]);
  const notice = `// Generated from ${SOURCE} by scripts/generate-onnx.mjs: do not edit.\n`;
  generated.set('onnx.js', notice + readFileSync(at('onnx.js'), 'utf8'));
  generated.set('onnx.d.ts', notice + readFileSync(at('types.d.ts'), 'utf8'));
} finally {
  rmSync(folder, { recursive: true });
}

const check = process.argv.includes('--check');
mkdirSync(FOLDER, { recursive: true });
for (const [name, text] of generated) {
  const target = path.join(FOLDER, name);
  if (!check) {
    writeFileSync(target, text);
    process.stdout.write(`${target}: ${text.length} bytes\n`);
  } else if (readFileSync(target, 'utf8') !== text) {
    process.stderr.write(`${target} is not what ${SOURCE} gives: run node scripts/generate-onnx.mjs\n`);
    process.exitCode = 1;
  }
}
