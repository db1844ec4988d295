/** Sections of Markdown pages. */
import { describe, expect, it } from 'vitest';
import { replaceSection } from './markdown.ts';

describe('replaceSection', () => {
  const page = 'before\n<!-- a -->\nold\n<!-- end a -->\nafter\n';

  it('replaces what is between the markers, to the letter', () => {
    expect(replaceSection(page, 'a', 'new $& $1\nlines')).toBe('before\n<!-- a -->\nnew $& $1\nlines\n<!-- end a -->\nafter\n');
  });

  it('is the same when done twice', () => {
    const once = replaceSection(page, 'a', 'new');
    expect(replaceSection(once, 'a', 'new')).toBe(once);
  });

  it('says which markers are missing', () => {
    expect(() => replaceSection(page, 'b', '')).toThrow('the markers <!-- b --> and <!-- end b --> are missing');
    expect(() => replaceSection('<!-- end a --> <!-- a -->', 'a', '')).toThrow('missing');
  });
});
