import type { FileAttributes, FileKind } from '../../src/ports/index.ts';

/** What is to be told of one name on a volume. */
export interface TreeNode {
  readonly kind: FileKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly links: number;
  readonly size: number;
  /** SHA-256 of a file's content, target of a symlink. */
  readonly content?: string;
  /** Names with the same one are one file. */
  readonly inode?: number;
}

/** Every name on a volume but the root, by its path. */
export type Tree = Map<string, TreeNode>;

export interface Content {
  readonly size: number;
  readonly sha256: string;
}

export type Operation =
  | {
      readonly does: 'put';
      readonly path: string;
      readonly content: number;
      readonly attributes: FileAttributes;
      readonly replace: boolean;
    }
  | { readonly does: 'make-directory'; readonly path: string; readonly attributes: FileAttributes }
  | { readonly does: 'remove'; readonly path: string; readonly directory: boolean }
  /** A directory and all in it, or a file. */
  | { readonly does: 'remove-tree'; readonly path: string };

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** What is to be on a volume after the operations so far, in memory. */
export class TreeModel {
  readonly nodes: Tree;
  readonly #contents: readonly Content[];
  readonly #time: number;

  /** Begins with what is on the volume. `time`: when every change is made. */
  constructor(nodes: Tree, contents: readonly Content[], time: number) {
    this.nodes = new Map(nodes);
    this.#contents = contents;
    this.#time = time;
  }

  /** Bytes of all files. */
  get bytes(): number {
    let bytes = 0;
    for (const { size, kind } of this.nodes.values()) if (kind === 'file') bytes += size;
    return bytes;
  }

  isEmpty(directory: string): boolean {
    const prefix = `${directory}/`;
    for (const path of this.nodes.keys()) if (path.startsWith(prefix)) return false;
    return true;
  }

  apply(operation: Operation): void {
    const { path } = operation;
    switch (operation.does) {
      case 'put': {
        const { size, sha256 } = this.#contents[operation.content]!;
        this.#unlink(path);
        this.nodes.set(path, { kind: 'file', ...operation.attributes, links: 1, size, content: sha256 });
        break;
      }
      case 'make-directory':
        this.nodes.set(path, { kind: 'directory', ...operation.attributes, links: 2, size: 0 });
        this.#count(parentOf(path), 1);
        break;
      case 'remove':
        this.#unlink(path);
        break;
      case 'remove-tree':
        for (const each of [...this.nodes.keys()].reverse())
          if (each === path || each.startsWith(`${path}/`)) this.#unlink(each);
    }
    const parent = this.nodes.get(parentOf(path));
    if (parent !== undefined) this.nodes.set(parentOf(path), { ...parent, mtime: this.#time });
  }

  /** After the last operation of an order: a directory that it made has the time that it was given. */
  endOrder(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.does !== 'make-directory') continue;
      const node = this.nodes.get(operation.path);
      if (node?.kind !== 'directory') continue;
      this.nodes.set(operation.path, { ...node, mtime: operation.attributes.mtime });
    }
  }

  #unlink(path: string): void {
    const node = this.nodes.get(path);
    if (node === undefined) return;
    this.nodes.delete(path);
    if (node.kind === 'directory') this.#count(parentOf(path), -1);
    else if (node.links > 1) {
      for (const [other, same] of this.nodes)
        if (same.inode === node.inode) this.nodes.set(other, { ...same, links: same.links - 1 });
    }
  }

  #count(directory: string, more: number): void {
    const node = this.nodes.get(directory);
    if (node !== undefined) this.nodes.set(directory, { ...node, links: node.links + more });
  }
}

/** What a kind of filesystem keeps, and whose times are compared. */
export interface TreeFacts {
  /** False: of the mode only whether anybody may write, no owner, no links. */
  readonly owners: boolean;
  readonly directoryTimes: boolean;
}

/** A line for each name, to be compared. */
export function treeLines(nodes: Tree, { owners, directoryTimes }: TreeFacts): Map<string, string> {
  const lines = [...nodes].map(([path, node]): [string, string] => {
    const { kind, mode, uid, gid, mtime, links, size, content = '' } = node;
    const directory = kind === 'directory';
    const facts = owners
      ? [mode.toString(8), `${uid}:${gid}`, `${links} links`]
      : [directory || (mode & 0o222) !== 0 ? 'rw' : 'ro'];
    const time = directory && !directoryTimes ? [] : [mtime];
    return [path, [kind, ...facts, ...time, ...(directory ? [] : [size, content])].join(' ')];
  });
  return new Map(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
}
