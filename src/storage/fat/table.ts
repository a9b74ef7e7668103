import { KiB } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { BlockCache } from '../block-cache.ts';
import { boundedDevice } from '../bounded-device.ts';
import { corrupt } from '../corrupt.ts';
import type { FatLayout } from './boot-sector.ts';

/** A multiple of three, so that no entry of FAT12 lies across two pages. */
const PAGE = 12 * KiB;
const CACHE_BYTES = 1536 * KiB;

/** Where the chain goes on: the next cluster, or its end. */
export type NextCluster = number | 'end';

/** Clusters that lie one behind the other. */
export interface ClusterRun {
  readonly first: number;
  readonly count: number;
}

/** The file allocation table in force, read page by page. */
export class FatTable {
  readonly layout: FatLayout;
  readonly #cache: BlockCache;

  constructor(device: BlockDevice, layout: FatLayout) {
    this.layout = layout;
    const table = boundedDevice(device, layout.tableStart, layout.tableBytes, `${device.name} table`);
    this.#cache = new BlockCache(table, PAGE, CACHE_BYTES);
  }

  /** NS_FS_CORRUPT where the cluster does not lie on the volume. */
  checkCluster(cluster: number, what: string): void {
    if (cluster < 2 || cluster > this.layout.clusters + 1) {
      throw corrupt(`${what} points to cluster ${cluster}, outside the filesystem`);
    }
  }

  /** How many of at most `most` clusters from here on lie one behind the other, and where the chain goes on after them. */
  async run(
    cluster: number,
    most: number,
    signal?: AbortSignal,
  ): Promise<{ readonly count: number; readonly next: NextCluster }> {
    let at = cluster;
    for (let count = 1; ; ) {
      const page = await this.#page(at, signal);
      for (;;) {
        const next = this.#next(page, at);
        if (next !== at + 1 || count >= most) return { count, next };
        count += 1;
        at = next;
        if (pageOf(this.layout, at) !== page.number) break;
      }
    }
  }

  async isFree(cluster: number, signal?: AbortSignal): Promise<boolean> {
    return this.#value(await this.#page(cluster, signal), cluster) === 0;
  }

  /** Free clusters, by counting them all; for tables of a few pages. */
  async countFree(signal?: AbortSignal): Promise<number> {
    let free = 0;
    let page = await this.#page(2, signal);
    for (let cluster = 2; cluster <= this.layout.clusters + 1; cluster += 1) {
      if (pageOf(this.layout, cluster) !== page.number) page = await this.#page(cluster, signal);
      if (this.#value(page, cluster) === 0) free += 1;
    }
    return free;
  }

  /** All free clusters, ascending. */
  async *freeRuns(signal?: AbortSignal): AsyncGenerator<ClusterRun> {
    let page = await this.#page(2, signal);
    let first = 2;
    const end = this.layout.clusters + 2;
    for (let cluster = 2; cluster < end; cluster += 1) {
      if (pageOf(this.layout, cluster) !== page.number) page = await this.#page(cluster, signal);
      if (this.#value(page, cluster) === 0) continue;
      if (cluster > first) yield { first, count: cluster - first };
      first = cluster + 1;
    }
    if (end > first) yield { first, count: end - first };
  }

  /** The second entry, whose top bits say whether the volume was left in order. */
  async marks(signal?: AbortSignal): Promise<{ readonly leftDirty: boolean; readonly hadErrors: boolean }> {
    const { width } = this.layout;
    if (width === 12) return { leftDirty: false, hadErrors: false };
    const value = this.#value(await this.#page(1, signal), 1);
    const [clean, sound] = width === 16 ? [0x8000, 0x4000] : [0x0800_0000, 0x0400_0000];
    return { leftDirty: (value & clean) === 0, hadErrors: (value & sound) === 0 };
  }

  async #page(cluster: number, signal?: AbortSignal): Promise<Page> {
    const number = pageOf(this.layout, cluster);
    return { number, bytes: await this.#cache.read(number, signal) };
  }

  #next(page: Page, cluster: number): NextCluster {
    const { width, clusters } = this.layout;
    const value = this.#value(page, cluster);
    if (value >= END[width]) return 'end';
    if (value < 2 || value > clusters + 1) {
      throw corrupt(`cluster ${cluster} is followed by ${value}, which is none`);
    }
    return value;
  }

  #value({ bytes }: Page, cluster: number): number {
    const { width } = this.layout;
    const at = Math.floor((cluster * width) / 8) % PAGE;
    const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    if (width === 16) return low;
    if (width === 12) return cluster % 2 === 0 ? low & 0xfff : low >> 4;
    // The top four bits are reserved.
    return low | (((bytes[at + 2] ?? 0) | (((bytes[at + 3] ?? 0) & 0x0f) << 8)) << 16);
  }
}

const END = { 12: 0xff8, 16: 0xfff8, 32: 0x0fff_fff8 } as const;

interface Page {
  readonly number: number;
  readonly bytes: Uint8Array;
}

function pageOf({ width }: FatLayout, cluster: number): number {
  return Math.floor(Math.floor((cluster * width) / 8) / PAGE);
}
