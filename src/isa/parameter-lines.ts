/** Where a group's parameter lines hold the parameters of an output. Specification: docs/microarchitecture.md, section 4. Twin: sf_vmac.sv. */

/**
 * Word of the first of the four parameter words of a vMAC's output, counted from the group's first line. g = 2: the outputs 4i + 1 and 4i + 2 have
 * changed places, so that every output has a lane that takes its bias from the same words of a line as for g = 1.
 * @param lanes g, 1 to 16. @param output 0 to 16/g − 1.
 */
export function parameterWord(lanes: number, output: number): number {
  const place = lanes === 2 ? (output & ~3) | ((output & 1) << 1) | ((output >> 1) & 1) : output;
  return 4 * place;
}
