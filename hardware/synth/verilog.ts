/**
 * The elaborated hierarchy as Verilog text: modules, their instances, equal modules found. The front end writes one module per instance;
 * modules whose text is equal, children included, are one *design* here, with the number of its instances.
 */
import { createHash } from 'node:crypto';

export interface Instance {
  readonly name: string;
  /** Id of the design. */
  readonly design: string;
}

export interface Design {
  /** Unique: the module's name, or with `__n` where parameters make several of it. */
  readonly id: string;
  /** Name of the module in the sources. */
  readonly module: string;
  /** Path of the first instance found. */
  readonly example: string;
  readonly instances: readonly Instance[];
  /** Verilog of this module alone, its children under their ids. */
  readonly text: string;
}

const HEADER = /^module (\\\S+ |\w+)/;
const INSTANCE = /^ {2}(\\sf_\S+ |sf_\w+ )\s*(\\\S+ |\w+ )\s*\(/gm;
const strip = (name: string): string => name.trim().replace(/^\\/, '');
const baseName = (name: string): string => name.replace(/\$.*$/, '');

/** Text of every module by its name. */
function splitModules(verilog: string): Map<string, string> {
  const bodies = new Map<string, string>();
  for (const part of verilog.split(/^endmodule$/m)) {
    const text = part.slice(Math.max(0, part.search(/^module /m)));
    const header = HEADER.exec(text);
    if (header !== null) bodies.set(strip(header[1]), text);
  }
  return bodies;
}

/**
 * Hash of Verilog text that does not see names made up by the tools nor the order of statements, both of which vary from instance to instance and
 * from run to run.
 */
export function fingerprint(text: string): string {
  const lines = text.replace(/_\d+_/g, '_').split('\n').sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** Splits the text of a whole hierarchy into designs, `top` first and parents before children. */
export function readDesigns(verilog: string, top: string): Design[] {
  const bodies = splitModules(verilog);
  const byHash = new Map<string, Design>();
  const known = new Map<string, Design>();
  const perModule = new Map<string, number>();

  const visit = (name: string, place: string): Design | undefined => {
    const seen = known.get(name);
    if (seen !== undefined) return seen;
    const body = bodies.get(name);
    if (body === undefined) return undefined;
    const instances: Instance[] = [];
    const link = (own: string): string =>
      own
        .replace(INSTANCE, (whole, child: string, instance: string) => {
          const design = visit(strip(child), `${place}.${strip(instance)}`);
          return design === undefined ? whole : `  ${design.id} ${instance}(`;
        })
        .replace(HEADER, 'module @ ');
    for (const [, child, instance] of body.matchAll(INSTANCE)) {
      const design = visit(strip(child), `${place}.${strip(instance)}`);
      if (design !== undefined) instances.push({ name: strip(instance), design: design.id });
    }
    const text = link(body);
    const hash = fingerprint(text);
    let design = byHash.get(`${baseName(name)} ${hash}`);
    if (design === undefined) {
      const module = baseName(name);
      const count = (perModule.get(module) ?? 0) + 1;
      perModule.set(module, count);
      const id = count === 1 ? module : `${module}__${count}`;
      design = { id, module, example: place, instances, text: `${text.replace('module @ ', `module ${id} `)}endmodule\n` };
      byHash.set(`${module} ${hash}`, design);
    }
    known.set(name, design);
    return design;
  };
  if (visit(top, top) === undefined) throw new Error(`no module ${top} in the elaborated Verilog`);
  return [...byHash.values()].reverse();
}

/** Instances of every design in the whole of `top`. */
export function countInstances(designs: readonly Design[], top: string): Map<string, number> {
  const byId = new Map(designs.map((design) => [design.id, design]));
  const counts = new Map<string, number>();
  const visit = (id: string, times: number): void => {
    counts.set(id, (counts.get(id) ?? 0) + times);
    const own = new Map<string, number>();
    for (const child of byId.get(id)?.instances ?? []) own.set(child.design, (own.get(child.design) ?? 0) + 1);
    for (const [child, number] of own) visit(child, times * number);
  };
  visit(top, 1);
  return counts;
}

/** One memory of a design: rows and bits a row. */
export interface Memory {
  readonly name: string;
  readonly rows: number;
  readonly width: number;
}

/** The memories declared in a design's own text. */
export function findMemories(text: string): Memory[] {
  const found: Memory[] = [];
  for (const match of text.matchAll(/^ {2}reg (?:signed )?(?:\[(\d+):0\] )?(\\\S+ |\w+) ?\[(\d+):(\d+)\];/gm)) {
    const [first, last] = [Number(match[3]), Number(match[4])];
    found.push({ name: strip(match[2]), rows: Math.abs(first - last) + 1, width: Number(match[1] ?? 0) + 1 });
  }
  return found;
}

/** Multiplications in a design's own text. */
export function countMultiplications(text: string): number {
  return [...text.matchAll(/ \* /g)].filter((match) => text[match.index - 1] !== '(').length;
}
