/** `snowflake assemble` and `snowflake disassemble`: text to instruction words and back. */
import { Command } from 'commander';
import {
  annotateDisassembly,
  assemble,
  checkWritableFile,
  disassemble,
  InputError,
  isProgramFile,
  readInputFile,
  readProgram,
  writeFileAtomic,
} from '../../index.ts';
import { note } from '../io.ts';

export function assembleCommand(): Command {
  return new Command('assemble')
    .description('translate assembler text into instruction words (32 bit, little-endian)')
    .argument('<file>', 'assembler text')
    .requiredOption('-o, --output <file>', 'where the words go')
    .addHelpText('after', '\nExample:\n  snowflake assemble hello.s --output hello.bin')
    .action((file: string, options: { output: string }) => {
      checkWritableFile(options.output);
      const words = assemble(Buffer.from(readInputFile(file)).toString('utf8'), file);
      writeFileAtomic(options.output, new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
      note(`${options.output}: ${words.length} instructions`);
    });
}

export function disassembleCommand(): Command {
  return new Command('disassemble')
    .description('translate a compiled program, or bare instruction words, into assembler text; programs are annotated with layer and tile')
    .argument('<file>', 'program file or instruction words')
    .option('-o, --output <file>', 'where the text goes (default: standard output)')
    .addHelpText(
      'after',
      '\nExamples:\n  snowflake disassemble alexnet.sfp | less\n  snowflake disassemble hello.bin --output hello.s\n\nThe text assembles to the same words.',
    )
    .action((file: string, options: { output?: string }) => {
      if (options.output !== undefined) checkWritableFile(options.output);
      const text = disassembleFile(file);
      if (options.output !== undefined) writeFileAtomic(options.output, text);
      else process.stdout.write(text);
    });
}

function disassembleFile(file: string): string {
  const bytes = readInputFile(file);
  if (isProgramFile(bytes)) return annotateDisassembly(readProgram(bytes, file));
  if (bytes.length === 0 || bytes.length % 4 !== 0) {
    throw new InputError(`${file}: neither a program file nor instruction words: ${bytes.length} bytes are no multiple of 4 above 0`);
  }
  const words = new Uint32Array(bytes.slice().buffer, 0, bytes.length / 4);
  return disassemble(words);
}
