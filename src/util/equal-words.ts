/** Finds arrays of words that are equal word by word: constants are stored, fetched and counted once. */

/** Words of an array that tell most unequal ones apart. */
const SAMPLES = 64;

/** Values by array of words. */
export class EqualWords<V> {
  private readonly known = new Map<string, { readonly words: Int16Array; readonly value: V }[]>();

  /** The value of an equal array seen before, or the one that `make` gives to this one. */
  valueOf(words: Int16Array, make: () => V): V {
    const key = sampleOf(words);
    const alike = this.known.get(key) ?? [];
    const equal = alike.find((other) => other.words.every((word, i) => word === words[i]));
    if (equal) return equal.value;
    const value = make();
    alike.push({ words, value });
    this.known.set(key, alike);
    return value;
  }
}

/** Length and some of the words. */
function sampleOf(words: Int16Array): string {
  const step = Math.max(1, Math.floor(words.length / SAMPLES));
  let sample = `${words.length}`;
  for (let i = 0; i < words.length; i += step) sample += `,${words[i]!}`;
  return sample;
}
