/** What a descriptor reads and writes in the maps buffers: the same footprints as the race checks use. */
import {
  type BufferSpan,
  type Dispatch,
  hasSource2,
  type IntervalList,
  outputFootprint,
  runsFootprint,
  source2Footprint,
  sourceFootprint,
} from '../../src/browser.ts';

export interface MapsAccess {
  readonly cu: number;
  readonly write: boolean;
  readonly words: IntervalList;
}

function cusOfMask(mask: number): number[] {
  const cus: number[] = [];
  for (let cu = 0; mask >> cu !== 0; cu++) if ((mask >> cu) & 1) cus.push(cu);
  return cus;
}

/** Accesses to the maps buffers, reads first. */
export function mapsAccesses(dispatch: Dispatch, buffer: BufferSpan): MapsAccess[] {
  switch (dispatch.kind) {
    case 'LDW':
      return [];
    case 'LDM': {
      const { space, cus } = dispatch.descriptor;
      if (space !== 0) return [];
      const words = runsFootprint(dispatch.descriptor, buffer);
      return cusOfMask(cus).map((cu) => ({ cu, write: true, words }));
    }
    case 'ST':
      return [{ cu: dispatch.descriptor.cu, write: false, words: runsFootprint(dispatch.descriptor, buffer) }];
    case 'MAC': {
      const d = dispatch.descriptor;
      const out = outputFootprint(d, d.outWords, buffer);
      return [
        { cu: dispatch.cu, write: false, words: sourceFootprint(d, buffer) },
        ...cusOfMask(d.outCus).map((cu) => ({ cu, write: true, words: out })),
      ];
    }
    case 'VEC': {
      const d = dispatch.descriptor;
      const out = outputFootprint(d, d.words, buffer);
      const sources = [sourceFootprint(d, buffer), ...(hasSource2(d.op) ? [source2Footprint(d, buffer)] : [])];
      return [
        ...sources.map((words) => ({ cu: dispatch.cu, write: false, words })),
        ...cusOfMask(d.outCus).map((cu) => ({ cu, write: true, words: out })),
      ];
    }
  }
}
