/** Listing of a program with layer and tile from the source map; it assembles to the same words. Specification: docs/isa.md, section 6. */
import { disassemble } from '../isa/disassemble.ts';
import type { Program, SourceSpan } from './program.ts';

/** Names come from ONNX files and may hold anything: a comment stays on its line. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '�');
}

function describeSpan(program: Program, span: SourceSpan): string {
  const tile = span.tile === '' ? '' : `, ${span.tile}`;
  if (span.layer < 0) return printable(`no layer${tile}`);
  const layer = program.layers[span.layer];
  return printable(`layer ${span.layer} ${layer.name}: ${layer.op}${tile}`);
}

/** The program as assembler text with `; layer N name: operation, tile …` (the span's own words) before the first instruction of each span. */
export function annotateDisassembly(program: Program): string {
  const spans = new Map(program.sourceMap.map((span) => [span.first, span]));
  const title = printable(
    `${program.name} for ${program.machine.name}: ${program.instructions.length} instructions, ${program.frames} frame(s), code at word ${program.codeAddress}`,
  );
  return disassemble(program.instructions, (index) => {
    const span = spans.get(index);
    return [...(index === 0 ? [title] : []), ...(span === undefined ? [] : [describeSpan(program, span)])];
  });
}
