import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findViolations, readSources } from './check-layers.ts';

const violationsOf = (file: string, text: string) => findViolations(new Map([[file, text]])).map((v) => `${v.line}: ${v.problem}`);

describe('findViolations', () => {
  it.each([
    ['src/compiler/a.ts', "import { x } from '../simulator/b.ts';", "1: compiler may not import simulator ('../simulator/b.ts')"],
    [
      'src/compiler/backend/a.ts',
      "\nimport type {\n  X,\n  Y,\n} from '../../simulator/b.ts';",
      "5: compiler may not import simulator ('../../simulator/b.ts')",
    ],
    [
      'src/compiler/backend/mac/a.ts',
      "import { x } from '../layout/b.ts';\nimport { y } from '../emit/b.ts';",
      "2: mac comes before what '../emit/b.ts' belongs to: it may not import it",
    ],
    [
      'src/compiler/backend/stages/a.ts',
      "import { x } from '../a.ts';",
      "1: stages comes before what '../a.ts' belongs to: it may not import it",
    ],
    [
      'src/compiler/backend/other/a.ts',
      "import { x } from '../mac/a.ts';",
      '1: no place for this folder: add it to BACKEND in scripts/check-layers.ts',
    ],
    ['src/util/a.ts', "export * from '../isa/b.ts';", "1: util may not import isa ('../isa/b.ts')"],
    ['src/util/a.ts', "import '../isa/b.ts';", "1: util may not import isa ('../isa/b.ts')"],
    ['src/util/a.ts', "const m = await import('../isa/b.ts');", "1: util may not import isa ('../isa/b.ts')"],
    [
      'src/report/a.ts',
      "import { x, type Y } from '../simulator/b.ts';",
      "1: report may import only types of simulator ('../simulator/b.ts')",
    ],
    ['src/cli/a.ts', "import { x } from '../runtime/b.ts';", "1: cli may not import runtime ('../runtime/b.ts')"],
    ['studio/a.tsx', "import { x } from '../src/index.ts';", "1: studio may not import index ('../src/index.ts')"],
    ['src/browser.ts', "import { x } from 'node:fs';", "1: 'node:fs': src/browser.ts reaches this file"],
    ['src/isa/a.ts', "import { x } from './b';", "1: './b': a relative import ends with its extension, .ts"],
    ['src/isa/a.ts', "import { x } from '../../../elsewhere.ts';", "1: '../../../elsewhere.ts' leaves the project"],
    ['src/isa/a.ts', "import { x } from '../../test/b.ts';", "1: isa may not import 'test/b.ts': it is in no layer"],
    ['src/other/a.ts', '', '1: no layer for this file: add its folder to the table in scripts/check-layers.ts'],
    ['src/loose.ts', '', '1: no layer for this file: add its folder to the table in scripts/check-layers.ts'],
  ])('%s: %s', (file, text, violation) => {
    expect(violationsOf(file, text)).toEqual([violation]);
  });

  it.each([
    ['src/report/a.ts', "import type { X } from '../simulator/b.ts';\nimport { type X, type Y } from '../simulator/b.ts';"],
    ['src/compiler/a.ts', "import { x } from '../machine/b.ts';\nimport { y } from './c.ts';\nimport z from 'zod';"],
    ['src/compiler/a.ts', "// import { x } from '../simulator/b.ts';\n/**\n * import { x } from '../simulator/b.ts';\n */"],
    ['src/compiler/a.test.ts', "import { x } from '../simulator/b.ts';"],
    ['src/compiler/backend/a.ts', "import { x } from './emit/b.ts';\nimport { y } from './mac/b.ts';"],
    ['src/cli/a.ts', "import { x } from '../index.ts';"],
    ['studio/views/a.tsx', "import { x } from '../../src/browser.ts';\nimport './a.css';"],
    ['models/a.ts', "import { x } from '../src/graph/b.ts';"],
  ])('accepts %s: %s', (file, text) => {
    expect(violationsOf(file, text)).toEqual([]);
  });

  it('reads the sources of this project', () => {
    const files = readSources(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
    expect([...files.keys()]).toEqual(expect.arrayContaining(['src/isa/instructions.ts', 'scripts/check-layers.ts']));
  });
});
