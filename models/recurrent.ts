/**
 * Recurrent networks: a language model of two LSTM layers (arXiv 1409.2329, its medium size on the Penn Treebank) and a part-of-speech tagger of one
 * bidirectional GRU layer. Both begin behind the embedding, which is a look-up of one row per word.
 */
import type { Graph } from '../src/graph/graph.ts';
import { NetworkBuilder, type Scope } from './builder.ts';
import { addGru, addLinear, addLstm } from './sequence-layers.ts';

const LANGUAGE = { words: 35, hidden: 650, vocabulary: 10_000, layers: 2 };
const TAGGER = { words: 32, features: 128, hidden: 128, tags: 45 };

/** Input 1×35×650 embedded words and each layer's state (1×1×650, hidden and cell); output 1×35×10000 scores and the states behind the last word. */
export function buildLstmLanguageModel(_scope: Scope): Graph {
  const { words, hidden, vocabulary, layers } = LANGUAGE;
  const net = new NetworkBuilder('lstm-lm', [words, hidden]);
  let x = net.input;
  const states = [];
  for (let layer = 1; layer <= layers; layer++) {
    const before = ['hidden', 'cell'].map((what) => net.addInput(`${what}${layer}`, [1, hidden]));
    const made = addLstm(net, x, { hidden, name: `lstm${layer}`, states: before });
    x = made.sequence;
    states.push(...made.states);
  }
  return net.build(addLinear(net, x, vocabulary, 'decoder'), ...states);
}

/** Input 1×32×128 embedded words, output 1×32×45 scores of the Penn Treebank's tags. */
export function buildGruTagger(_scope: Scope): Graph {
  const { words, features, hidden, tags } = TAGGER;
  const net = new NetworkBuilder('gru-tagger', [words, features]);
  return net.build(addLinear(net, addGru(net, net.input, { hidden, name: 'gru', bidirectional: true }).sequence, tags, 'tags'));
}
