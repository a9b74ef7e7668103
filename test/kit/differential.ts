import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { allow, type Verdict } from '../../src/base/index.ts';
import type {
  BlockDevice,
  FileContent,
  FileSystem,
  VolumeEdit,
  VolumeEditor,
} from '../../src/ports/index.ts';
import { changeVolume, openFileSystem, type VolumeChanged } from '../../src/storage/index.ts';
import { planDelete } from '../../src/tasks/file/plan-delete.ts';
import { hashOf } from './disk-tools.ts';
import { MemoryState } from './memory-state.ts';
import {
  type Content,
  type Operation,
  type Tree,
  type TreeFacts,
  TreeModel,
  treeLines,
} from './tree-model.ts';

const { signal } = new AbortController();
const MiB = 1024 * 1024;

/** The same operations, made and read by something that is not ours, on a volume of its own. */
export interface Peer {
  apply(operations: readonly Operation[]): Promise<void>;
  tree(): Promise<Tree>;
}

export interface DifferentialVolume {
  readonly type: string;
  readonly image: string;
  /** The same image, open. */
  readonly device: BlockDevice;
  readonly editor: VolumeEditor;
  /** What a `put` may bring. */
  readonly contents: readonly (Content & { readonly staged: FileContent })[];
  /** When every change is made, whole seconds. */
  readonly time: number;
  readonly keeps: TreeFacts;
  /** The volume as a program has it that is not ours. */
  readonly native: (image: string) => Promise<Tree>;
  /** Throws where the filesystem's checker finds a fault. */
  readonly check: (image: string) => Promise<void>;
  readonly peer?: Peer;
}

/** Trees that should be one. */
export interface Compared {
  readonly by: string;
  readonly found: ReadonlyMap<string, string>;
  readonly wanted: ReadonlyMap<string, string>;
}

/** Makes operations by the whole path to a volume's blocks, and beside it by others. */
export class Differential {
  readonly model: TreeModel;
  readonly #volume: DifferentialVolume;
  readonly #store = new MemoryState(256 * MiB);
  orders = 0;
  operations = 0;

  private constructor(volume: DifferentialVolume, before: Tree) {
    this.#volume = volume;
    this.model = new TreeModel(before, volume.contents, volume.time);
  }

  static async begin(volume: DifferentialVolume): Promise<Differential> {
    return new Differential(volume, await volume.native(volume.image));
  }

  /** Makes an order that the model has had already. */
  async make(operations: readonly Operation[]): Promise<void> {
    const made = await this.#change(operations);
    if (!made.ok) {
      throw new Error(`order ${this.orders}: ${made.refusal.sentence}: ${JSON.stringify(operations)}`);
    }
    await this.#volume.peer?.apply(operations);
    this.orders += 1;
    this.operations += operations.length;
  }

  /** Makes an order that cannot be: what it is refused with, and whether that left the disk as it was. */
  async tryInVain(
    operations: readonly Operation[],
  ): Promise<{ code: string | undefined; untouched: boolean }> {
    const before = await fileHash(this.#volume.image);
    const made = await this.#change(operations);
    return {
      code: made.ok ? undefined : made.refusal.code,
      untouched: before === (await fileHash(this.#volume.image)),
    };
  }

  /** What is to be there, against our reader, the native one and the peer; the checker has found nothing. */
  async compare(): Promise<Compared[]> {
    const { image, device, type, native, check, peer, keeps } = this.#volume;
    await check(image);
    const wanted = treeLines(this.model.nodes, keeps);
    const rows: [string, Tree, TreeFacts][] = [
      ['our reader', await treeByReader(await openFileSystem(device, type)), keeps],
      ['the native reader', await native(image), keeps],
    ];
    // The peer's directories were changed when it changed them.
    if (peer !== undefined) rows.push(['the peer', await peer.tree(), { ...keeps, directoryTimes: false }]);
    return rows.map(([by, tree, kept]) => ({
      by,
      found: treeLines(tree, kept),
      wanted: kept === keeps ? wanted : treeLines(this.model.nodes, kept),
    }));
  }

  async #change(operations: readonly Operation[]): Promise<Verdict<VolumeChanged>> {
    const { type, device, editor, time } = this.#volume;
    return await changeVolume({
      disk: 'disk0',
      volumeName: 'disk0',
      volume: device,
      volumeStart: 0,
      type,
      edits: await this.#edits(operations),
      editor,
      store: this.#store,
      replay: false,
      dryRun: false,
      time,
      signal,
      beforeCommit: async () => allow(undefined),
    });
  }

  async #edits(operations: readonly Operation[]): Promise<VolumeEdit[]> {
    const edits: VolumeEdit[] = [];
    for (const operation of operations) {
      const { path } = operation;
      switch (operation.does) {
        case 'put': {
          const { attributes, replace } = operation;
          const content = this.#volume.contents[operation.content]!.staged;
          edits.push({ edit: 'put-file', path, content, attributes, replace });
          break;
        }
        case 'make-directory':
          edits.push({ edit: 'make-directory', path, attributes: operation.attributes });
          break;
        case 'remove':
          edits.push({ edit: operation.directory ? 'remove-directory' : 'remove-file', path });
          break;
        case 'remove-tree':
          edits.push(...(await this.#removals(path)));
      }
    }
    return edits;
  }

  /** As an order with `--recursive` is planned. */
  async #removals(path: string): Promise<readonly VolumeEdit[]> {
    const fs = await openFileSystem(this.#volume.device, this.#volume.type);
    const stat = await fs.stat(path, false);
    if (!stat.ok) throw new Error(stat.refusal.sentence);
    const options = { recursive: true, protectedPaths: [] };
    const plan = await planDelete(fs, [{ path, stat: stat.value }], options, signal);
    if (!plan.ok) throw new Error(plan.refusal.sentence);
    return plan.value.edits;
  }
}

/** Everything on a volume, by our reader. */
async function treeByReader(fs: FileSystem, top = ''): Promise<Tree> {
  const tree: Tree = new Map();
  const listed = await fs.list(top === '' ? '/' : top);
  if (!listed.ok) throw new Error(listed.refusal.sentence);
  for await (const { name } of listed.value) {
    const path = `${top}/${name}`;
    const stat = await fs.stat(path, false);
    if (!stat.ok) throw new Error(stat.refusal.sentence);
    const { kind, mode, uid, gid, mtime, links, size, target, inode } = stat.value;
    const directory = kind === 'directory';
    const node = { kind, mode, uid, gid, mtime, links, size: directory ? 0 : size, inode };
    if (kind === 'file') {
      const opened = await fs.open(path);
      if (!opened.ok) throw new Error(opened.refusal.sentence);
      tree.set(path, { ...node, content: await hashOf(opened.value) });
    } else tree.set(path, { ...node, ...(target === undefined ? {} : { content: target }) });
    if (directory) for (const [below, each] of await treeByReader(fs, path)) tree.set(below, each);
  }
  return tree;
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
