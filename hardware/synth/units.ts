/** Which modules are synthesized on their own, and what the whole may use. */

/** Modules that are flattened into whatever instantiates them: parts too small to be looked at alone. All others are units. */
export const FLATTENED: ReadonlySet<string> = new Set([
  'sf_fifo',
  'sf_fifo_head',
  'sf_start',
  'sf_token_counter',
  'sf_field_regs',
  'sf_accept',
  'sf_window',
  'sf_write_store',
  'sf_run_bursts',
  'sf_order',
  'sf_delay',
  'sf_credits',
  'sf_mac_granules',
  'sf_mac_traces',
  'sf_vec_pace',
  'sf_lane',
  'sf_reduce',
  'sf_post',
  'sf_post_shift',
  'sf_shift_coarse',
  'sf_clamp',
  'sf_rotate',
  'sf_choose',
  'sf_load_order',
  'sf_maps_quadrant',
  'sf_granule_words',
]);

/** The XC7Z045. */
export const DEVICE = { name: 'XC7Z045', lut: 218_600, ff: 437_200, ramb36: 545, dsp: 900 } as const;

/** Targets for the default machine: two clusters must fit, with room for routing and the rest of a system. */
export const LIMITS = {
  dsp: 256 + 24,
  ramb36: 268,
  lut: Math.floor(DEVICE.lut * 0.3),
  ff: Math.floor(DEVICE.ff * 0.25),
  delayPs: 2500,
} as const;

/** A memory of at least this many rows belongs into block RAM. */
export const BLOCK_RAM_ROWS = 256;
/** A multiplication of two operands of at least this many bits belongs into a DSP48E1. */
export const DSP_OPERAND_BITS = 9;
/** A unit that takes longer than this is reported as failed. */
export const UNIT_TIMEOUT_MS = 15 * 60_000;
