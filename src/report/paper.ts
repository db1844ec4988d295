/**
 * Figures that were published for the original Snowflake (XC7Z045, 250 MHz, 256 MACs), for the convolutions of a network, batch 1.
 * Occupancies are by this project's count: padding taps skipped (docs/microarchitecture.md, README "Counting").
 */

export interface PaperFigures {
  readonly fps: number;
  readonly gbps?: number;
  /** Useful MACs ÷ possible MACs, 0 to 1; absent where only frames a second were published. */
  readonly occupancy?: number;
  /** Occupancies of the convolution layers in order, 0 to 1. */
  readonly layerOccupancies?: readonly number[];
  readonly source: string;
}

const PAPERS = 'Zaidy, Chang, Gokhale, Culurciello: EMC2 2018, arXiv 1708.02579 and 1708.00117';

/** By network name. */
export const PAPER_FIGURES: Readonly<Record<string, PaperFigures>> = {
  alexnet: {
    fps: 98,
    gbps: 1.2,
    layerOccupancies: [0.699, 0.991, 0.994, 0.972, 0.986],
    source: 'frames and bandwidth: EMC2 2018; layers: arXiv 1708.02579, which gives 100.3 frames a second',
  },
  googlenet: { fps: 36.3, occupancy: 0.847, source: PAPERS },
  resnet18: { fps: 21.4, gbps: 2.2, source: PAPERS },
  resnet50: { fps: 17.2, source: PAPERS },
};
