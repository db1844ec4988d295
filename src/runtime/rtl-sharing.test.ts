import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { rtlSources } from './rtl-model.ts';
import { readInputs, renderSharing, SHARED_MODULES } from './rtl-sharing.ts';

const sources = rtlSources();

describe('modules that share their code', () => {
  it('reads the inputs of a module', () => {
    const source = `// Words of input_i.
module sf_x
  import sf_pkg::*;
(
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic signed [1:0][47:0] sums_i [NumLanes],  // a comment, word_i
  input  line_t [Quadrants-1:0] words_i,
  input  logic                  last_i
  output logic                  done_o
);
  input_t other_i;
endmodule`;
    expect(readInputs(source)).toEqual(['sums_i', 'words_i', 'last_i']);
    expect(() => readInputs('module sf_y (\n  output logic a_o\n);')).toThrow('without inputs');
  });

  it('keeps the inputs of every one of them', () => {
    const text = renderSharing(sources);
    for (const name of ['ctl_i', 'pick_i', 'shared_i', 'own_i', 'own_clear_i', 'weights_i', 'clamp_low_i', 'clamp_high_i']) {
      expect(text).toContain(`public_flat_rd -module "sf_vmac" -var "${name}"\n`);
    }
    expect(text).not.toContain('clk_i');
    expect(() => renderSharing([])).toThrow('no source of');
  });

  // Each call of a function has variables of its own, and no two compute units have the same code.
  it('finds no function in them, nor in what they contain', () => {
    const texts = new Map(sources.map((file) => [path.basename(file, '.sv'), readFileSync(file, 'utf8')]));
    const waiting = [...SHARED_MODULES];
    for (const module of waiting) {
      const text = texts.get(module) ?? '';
      // The microcode is made of constants.
      if (module === 'sf_walk_code') continue;
      expect(text.includes('endfunction'), module).toBe(false);
      for (const [, child] of text.matchAll(/^\s*(sf_\w+)\s+(?:#\(.*?\)\s+)?u_\w+ \(/gm)) {
        if (!waiting.includes(child)) waiting.push(child);
      }
    }
    expect(waiting).toContain('sf_walk_fields');
    expect(waiting).toContain('sf_reduce');
  });
});
