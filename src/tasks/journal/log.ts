import { concatBytes, isAllZero, NsError } from '../../base/index.ts';
import type { BlockDevice, StateStore } from '../../ports/index.ts';
import {
  decodeFrame,
  decodeRegionHead,
  encodeFrame,
  encodeRegionHead,
  FRAME_HEAD,
  FRAME_PAYLOAD_MAX,
  REGION_HEAD,
} from './frame.ts';

const REGIONS = ['journal-a', 'journal-b'] as const;

interface Waiting {
  readonly payloads: readonly Uint8Array[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * An append-only log in two preallocated regions, of which one is in use. Invariants: what `append` resolved for is
 * read back after any power cut; what it did not resolve for is read back wholly or not at all, and nothing after it.
 * Appends that wait together share one flush.
 */
export class RecordLog {
  readonly #regions: readonly [BlockDevice, BlockDevice];
  #active: 0 | 1;
  #generation: number;
  #index: number;
  #end: number;
  #waiting: Waiting[] = [];
  #writer: Promise<void> | undefined;
  #failed: unknown;

  private constructor(
    regions: readonly [BlockDevice, BlockDevice],
    active: 0 | 1,
    generation: number,
    index: number,
    end: number,
  ) {
    this.#regions = regions;
    this.#active = active;
    this.#generation = generation;
    this.#index = index;
    this.#end = end;
  }

  /** Opens the log, made when new. `size` is that of each region in bytes. */
  static async open(
    store: StateStore,
    size: number,
  ): Promise<{ readonly log: RecordLog; readonly payloads: readonly Uint8Array[] }> {
    const regions = [await store.region(REGIONS[0], size), await store.region(REGIONS[1], size)] as const;
    const contents = await Promise.all(regions.map(readWhole));
    const generations = contents.map((content) => decodeRegionHead(content.subarray(0, REGION_HEAD)));
    const active = (generations[1] ?? 0) > (generations[0] ?? 0) ? 1 : 0;
    const generation = generations[active] ?? 0;
    if (generation === 0) {
      await regions[0].write(0, encodeRegionHead(1));
      await regions[0].flush();
      return { log: new RecordLog(regions, 0, 1, 0, REGION_HEAD), payloads: [] };
    }
    const payloads: Uint8Array[] = [];
    let end = REGION_HEAD;
    for (;;) {
      const frame = decodeFrame(contents[active]!, end, generation, payloads.length);
      if (frame === undefined) break;
      payloads.push(frame.payload);
      end = frame.end;
    }
    const log = new RecordLog(regions, active, generation, payloads.length, end);
    // Behind the end may lie whole frames of a write that the power cut tore further up. They were never acknowledged,
    // and a new frame of the right length would bring them back: a new generation makes them worthless.
    if (!isAllZero(contents[active]!.subarray(end))) await log.rewrite(payloads);
    return { log, payloads };
  }

  /** Bytes that payloads may still take; each also costs a frame head. */
  get room(): number {
    const waiting = this.#waiting.reduce((sum, { payloads }) => sum + framedSize(payloads), 0);
    return this.#regions[this.#active].capabilities.size - this.#end - waiting;
  }

  get capacity(): number {
    return this.#regions[0].capabilities.size - REGION_HEAD;
  }

  /**
   * Appends the payloads as one unit of order. Durable when it resolves. NS_JOURNAL_FULL where there is no room; any
   * failure of the storage is final for this log, since what is on it is then unknown.
   */
  append(payloads: readonly Uint8Array[]): Promise<void> {
    if (this.#failed !== undefined) return Promise.reject(this.#failure());
    const size = framedSize(payloads);
    if (payloads.some((payload) => payload.byteLength > FRAME_PAYLOAD_MAX) || size > this.room) {
      return Promise.reject(new NsError('NS_JOURNAL_FULL', 'the journal has no room for this record'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payloads, resolve, reject });
      this.#writer ??= this.#drain();
    });
  }

  /** Replaces the whole contents by these payloads, atomically. */
  async rewrite(payloads: readonly Uint8Array[]): Promise<void> {
    while (this.#writer !== undefined) await this.#writer;
    if (this.#failed !== undefined) throw this.#failure();
    let release = () => {};
    this.#writer = new Promise((resolve) => {
      release = resolve;
    });
    try {
      await this.#switchTo(payloads);
    } catch (cause) {
      this.#failed = cause;
      throw this.#failure();
    } finally {
      if (this.#failed !== undefined) this.#rejectWaiting();
      this.#writer = this.#waiting.length > 0 ? this.#drain() : undefined;
      release();
    }
  }

  async #switchTo(payloads: readonly Uint8Array[]): Promise<void> {
    const other = this.#active === 0 ? 1 : 0;
    const region = this.#regions[other];
    const generation = this.#generation + 1;
    const body = concatBytes(...payloads.map((payload, index) => encodeFrame(generation, index, payload)));
    if (REGION_HEAD + body.byteLength > region.capabilities.size) {
      throw new NsError('NS_JOURNAL_FULL', 'what must be kept does not fit into the journal', {
        family: 'bug',
      });
    }
    await region.write(0, new Uint8Array(REGION_HEAD));
    await region.flush();
    await region.write(REGION_HEAD, body);
    await region.flush();
    await region.write(0, encodeRegionHead(generation));
    await region.flush();
    this.#active = other;
    this.#generation = generation;
    this.#index = payloads.length;
    this.#end = REGION_HEAD + body.byteLength;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const frames: Uint8Array[] = [];
      for (const payload of batch.flatMap(({ payloads }) => payloads)) {
        frames.push(encodeFrame(this.#generation, this.#index, payload));
        this.#index += 1;
      }
      const bytes = concatBytes(...frames);
      const at = this.#end;
      this.#end += bytes.byteLength;
      try {
        const region = this.#regions[this.#active];
        await region.write(at, bytes);
        await region.flush();
        for (const { resolve } of batch) resolve();
      } catch (cause) {
        this.#failed = cause;
        for (const { reject } of batch) reject(this.#failure());
        this.#rejectWaiting();
      }
    }
    this.#writer = undefined;
  }

  #rejectWaiting(): void {
    for (const { reject } of this.#waiting) reject(this.#failure());
    this.#waiting = [];
  }

  #failure(): NsError {
    return new NsError('NS_JOURNAL_IO', 'the journal could not be written; the agent must restart', {
      cause: this.#failed,
    });
  }
}

function framedSize(payloads: readonly Uint8Array[]): number {
  return payloads.reduce((sum, payload) => sum + FRAME_HEAD + payload.byteLength, 0);
}

async function readWhole(device: BlockDevice): Promise<Uint8Array> {
  const content = new Uint8Array(device.capabilities.size);
  await device.read(0, content);
  return content;
}
