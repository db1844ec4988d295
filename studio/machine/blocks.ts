/** What each block of the machine is, in a paragraph, and where the specification says it. */
export interface BlockText {
  readonly title: string;
  readonly text: string;
  /** Page and anchor below spec/. */
  readonly link: string;
}

export type BlockKind = 'core' | 'LDM' | 'LDW' | 'ST' | 'MAC' | 'VEC' | 'maps' | 'weights' | 'DRAM';

export const BLOCKS: Readonly<Record<BlockKind, BlockText>> = {
  core: {
    title: 'Control core',
    text: 'A small processor: 32 registers, one instruction a cycle. It writes the fields of descriptors and sends them to the queues of the units with GO; one descriptor is hundreds to thousands of cycles of work. It waits only where a queue is full.',
    link: 'microarchitecture.html#8-control-core',
  },
  LDM: {
    title: 'LDM, maps load',
    text: 'Loads runs of words (activations) from DRAM into the maps buffers of one or several compute units, or a function’s table. It starts when its tokens are there: the place must have been read for the last time.',
    link: 'microarchitecture.html#6-dma-engines-and-memory',
  },
  LDW: {
    title: 'LDW, weights load',
    text: 'Loads images of weights into the buffers of the vMACs: image i goes to vMAC i mod 4. It runs ahead of the MAC units as far as the buffers have room.',
    link: 'microarchitecture.html#6-dma-engines-and-memory',
  },
  ST: {
    title: 'ST, store',
    text: 'Stores runs of words from the maps buffer of one compute unit to DRAM.',
    link: 'microarchitecture.html#6-dma-engines-and-memory',
  },
  MAC: {
    title: 'MAC unit',
    text: 'Walks over the windows of a tile and multiplies: 4 vMACs of 16 lanes. g lanes work on one output, so that a vMAC makes 16/g outputs at once. Taps outside the input cost no cycle. Sums have 48 bits; results are shifted, rounded, saturated and clamped on the way out.',
    link: 'microarchitecture.html#4-mac-unit',
  },
  VEC: {
    title: 'VEC unit',
    text: 'Pools, adds, multiplies and looks functions up, 16 words at a time, beside the MAC unit: what follows a convolution costs no time of its own as long as port B keeps up.',
    link: 'microarchitecture.html#5-vec-unit',
  },
  maps: {
    title: 'Maps buffer',
    text: 'Activations of the compute unit: 64 columns of words, two ports. Port A feeds the MACs, which may start at any word; port B serves everything else, one access a cycle. Regions are rings of rows, so that a tile slides over the input without copying.',
    link: 'microarchitecture.html#2-buffers',
  },
  weights: {
    title: 'Weights buffers',
    text: 'One for each vMAC: a line of 16 words a cycle. A group of outputs begins with its parameters (bias and shift) and goes on with its taps, in the order in which the walker uses them.',
    link: 'microarchitecture.html#2-buffers',
  },
  DRAM: {
    title: 'DRAM',
    text: 'Bursts of up to four lines (128 bytes) over four 64-bit AXI ports, with a fixed latency and a fixed budget of bytes a cycle. One burst is accepted a cycle: fetch first, then ST, LDM, LDW.',
    link: 'microarchitecture.html#6-dma-engines-and-memory',
  },
};
