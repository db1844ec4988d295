/**
 * Compiles the AssemblyScript kernels to src/kernels/generated/ as TypeScript modules that hold the WebAssembly binary in base64 (loads
 * synchronously in Node and browsers, no file access). `--check` compares instead of writing and fails on a difference.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const KERNELS = [{ source: 'src/kernels/assembly/mac.ts', target: 'src/kernels/generated/mac-wasm.ts', constant: 'MAC_WASM' }];
const OPTIONS = ['-O3', '--converge', '--enable', 'simd', '--enable', 'bulk-memory', '--runtime', 'stub', '--importMemory', '--noAssert'];

const check = process.argv.includes('--check');
for (const { source, target, constant } of KERNELS) {
  let binary;
  const { error, stderr } = await asc.main([source, ...OPTIONS, '--outFile', 'kernel.wasm'], {
    writeFile: (_name, contents) => {
      binary = contents;
    },
  });
  if (error) {
    process.stderr.write(`${source}: ${error.message}\n${stderr.toString()}`);
    process.exit(1);
  }
  const text = [
    `/** Generated from ${source} by scripts/build-kernels.mjs: do not edit. */`,
    `export const ${constant} =`,
    `  '${Buffer.from(binary).toString('base64')}';`,
    '',
  ].join('\n');
  if (!check) {
    mkdirSync('src/kernels/generated', { recursive: true });
    writeFileSync(target, text);
    process.stdout.write(`${target}: ${binary.length} bytes\n`);
  } else if (readFileSync(target, 'utf8') !== text) {
    process.stderr.write(`${target} is not what ${source} compiles to: run node scripts/build-kernels.mjs\n`);
    process.exit(1);
  }
}
