// The specification as pages of the studio's site: docs/*.md to HTML with the anchors that the studio links to.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Marked } from 'marked';

const PAGES = ['microarchitecture', 'isa', 'numbers', 'compiler', 'operators', 'profile', 'energy'];

const STYLE = `:root{color-scheme:light dark;--ink:#1a1f26;--ground:#fff;--line:#d3d9e0;--accent:#0b5cad;--code:#f0f3f6}
@media(prefers-color-scheme:dark){:root{--ink:#e7ebf0;--ground:#12161b;--line:#2d3641;--accent:#74b6ff;--code:#1c222a}}
body{max-width:92ch;margin:0 auto;padding:24px 16px 80px;font:15px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--ground)}
a{color:var(--accent)}table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid var(--line);padding:3px 8px;text-align:left;vertical-align:top}
code,pre{font:13px/1.45 ui-monospace,Menlo,Consolas,monospace;background:var(--code)}code{padding:0 3px}pre{padding:10px;overflow-x:auto}pre code{padding:0}
h2:target,h3:target{outline:2px solid var(--accent);outline-offset:4px}nav{display:flex;gap:14px;flex-wrap:wrap}`;

/** The anchor of a heading, as code hosts make it. */
function anchorOf(text) {
  return text
    .toLowerCase()
    .replace(/<[^>]+>|[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

/** Writes the pages below `folder`. Documents that do not exist are left out. */
export function writeSpecification(root, folder) {
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        return `<h${depth} id="${anchorOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        const target = /^https?:/.test(href) ? href : href.replace(/\.md(#|$)/, '.html$1');
        return `<a href="${target}">${this.parser.parseInline(tokens)}</a>`;
      },
    },
  });
  mkdirSync(folder, { recursive: true });
  const documents = PAGES.flatMap((name) => {
    try {
      return [{ name, text: readFileSync(join(root, 'docs', `${name}.md`), 'utf8') }];
    } catch {
      return [];
    }
  });
  const links = documents.map(({ name }) => `<a href="${name}.html">${name}</a>`).join('');
  for (const { name, text } of documents) {
    const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${name} · Snowflake</title><style>${STYLE}</style></head>
<body><nav aria-label="specification"><a href="../index.html">studio</a>${links}</nav><main>
${marked.parse(text)}</main></body></html>
`;
    writeFileSync(join(folder, `${name}.html`), page);
  }
}
