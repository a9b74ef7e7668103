import type { FileAttributes } from '../../src/ports/index.ts';
import type { Content, Operation, TreeModel } from './tree-model.ts';

export interface RandomFacts {
  readonly stems: readonly string[];
  readonly contents: readonly Content[];
  /** Names that differ in case alone are one. */
  readonly caseless: boolean;
  /** Bytes of all files together, above which only removals follow. */
  readonly room: number;
  /** Names on the volume, above which only removals follow. */
  readonly names: number;
  /** A change of none of this is what the order asks for. */
  readonly attributes: (random: () => number) => FileAttributes;
  /** Most directories below one another. */
  readonly depth: number;
}

/** Of one order; a recursive removal is an order of its own. */
const MOST_AT_ONCE = 12;

/** What one order is to do: operations on paths that are each named once, done to the model already. */
export function randomOrder(model: TreeModel, facts: RandomFacts, random: () => number): Operation[] {
  const operations: Operation[] = [];
  const fold = (path: string) => (facts.caseless ? path.toUpperCase().toLowerCase() : path);
  const named = new Set<string>();
  const most = 1 + Math.floor(random() * MOST_AT_ONCE);
  for (let tries = 0; operations.length < most && tries < 60; tries += 1) {
    const next = randomOperation(model, facts, random, fold);
    if (next === undefined || named.has(fold(next.path))) continue;
    if (next.does === 'remove-tree' && operations.length > 0) continue;
    named.add(fold(next.path));
    model.apply(next);
    operations.push(next);
    if (next.does === 'remove-tree') break;
  }
  model.endOrder(operations);
  return operations;
}

function randomOperation(
  model: TreeModel,
  facts: RandomFacts,
  random: () => number,
  fold: (path: string) => string,
): Operation | undefined {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(of: readonly T[]): T | undefined => of[below(of.length)];
  const all = [...model.nodes];
  const directories = all.flatMap(([path, { kind }]) => (kind === 'directory' ? [path] : []));
  const others = all.flatMap(([path, { kind }]) => (kind === 'directory' ? [] : [path]));
  const full = model.bytes > facts.room || all.length > facts.names;
  const what = full ? 0.62 + random() * 0.38 : random();
  const content = below(facts.contents.length);
  if (what < 0.45) {
    const parent = random() < 0.2 ? '' : (pick(directories) ?? '');
    const path = `${parent}/${nameFor(facts, random)}`;
    if (path.split('/').length > facts.depth + 1) return undefined;
    const folded = fold(path);
    if (all.some(([there]) => fold(there) === folded)) return undefined;
    const attributes = facts.attributes(random);
    return what < 0.14
      ? { does: 'make-directory', path, attributes: { ...attributes, mode: 0o700 | attributes.mode } }
      : { does: 'put', path, content, attributes, replace: false };
  }
  if (what < 0.62) {
    const path = pick(others.filter((each) => model.nodes.get(each)?.kind === 'file'));
    return path === undefined
      ? undefined
      : { does: 'put', path, content, attributes: facts.attributes(random), replace: true };
  }
  if (what < 0.93) {
    const path = pick(others);
    return path === undefined ? undefined : { does: 'remove', path, directory: false };
  }
  const path = pick(directories);
  if (path === undefined || path === '/lost+found') return undefined;
  return model.isEmpty(path) ? { does: 'remove', path, directory: true } : { does: 'remove-tree', path };
}

function nameFor({ stems, caseless }: RandomFacts, random: () => number): string {
  const stem = stems[Math.floor(random() * stems.length)]!;
  const name = `${Math.floor(random() * 8)}${stem}`;
  // Where case tells names apart, the same name in another case comes up often.
  return !caseless && random() < 0.3 ? name.toUpperCase() : name;
}

/**
 * Fills a volume nearly, takes out every second file, and puts one that fits only into the gaps: a file of many
 * extents. Done to the model already.
 */
export function fragmentingOrders(
  model: TreeModel,
  pieces: { readonly count: number; readonly content: number; readonly large: number },
  attributes: FileAttributes,
): { readonly orders: readonly (readonly Operation[])[]; readonly large: string } {
  const put = (path: string, content: number): Operation => ({
    does: 'put',
    path,
    content,
    attributes,
    replace: false,
  });
  const paths = Array.from({ length: pieces.count }, (_, i) => `/comb/piece ${i}`);
  const large = '/comb/large';
  const orders: Operation[][] = [
    [{ does: 'make-directory', path: '/comb', attributes: { ...attributes, mode: 0o755 } }],
    paths.map((path) => put(path, pieces.content)),
    paths.flatMap((path, i): Operation[] =>
      i % 2 === 0 ? [] : [{ does: 'remove', path, directory: false }],
    ),
    [put(large, pieces.large)],
  ];
  for (const operations of orders) {
    for (const each of operations) model.apply(each);
    model.endOrder(operations);
  }
  return { orders, large };
}
