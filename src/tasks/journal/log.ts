import { concatBytes, NsError } from '../../base/index.ts';
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

/** How much is read at once when the log is opened; more than any frame. */
const WINDOW = 512 * 1024;

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
  readonly #session: number;
  /** The next frame is the first of this session in its region. */
  #first = true;
  #waiting: Waiting[] = [];
  #writer: Promise<void> | undefined;
  #failed: unknown;

  private constructor(
    regions: readonly [BlockDevice, BlockDevice],
    at: {
      readonly active: 0 | 1;
      readonly generation: number;
      readonly index: number;
      readonly end: number;
      readonly session: number;
    },
  ) {
    this.#regions = regions;
    this.#active = at.active;
    this.#generation = at.generation;
    this.#index = at.index;
    this.#end = at.end;
    this.#session = at.session >>> 0;
  }

  /**
   * Opens the log, made when new. `size` is that of each region in bytes; `session` a number that no other opening of
   * this log has had, drawn at random.
   */
  static async open(
    store: StateStore,
    size: number,
    session: number,
  ): Promise<{ readonly log: RecordLog; readonly payloads: readonly Uint8Array[] }> {
    const regions = [await store.region(REGIONS[0], size), await store.region(REGIONS[1], size)] as const;
    const generations = [await generationOf(regions[0]), await generationOf(regions[1])] as const;
    const active = generations[1] > generations[0] ? 1 : 0;
    const generation = generations[active];
    if (generation === 0) {
      await regions[0].write(0, encodeRegionHead(1));
      await regions[0].flush();
      return {
        log: new RecordLog(regions, { active: 0, generation: 1, index: 0, end: REGION_HEAD, session }),
        payloads: [],
      };
    }
    const { payloads, end } = await readFrames(regions[active], generation);
    return {
      log: new RecordLog(regions, { active, generation, index: payloads.length, end, session }),
      payloads,
    };
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

  /** Waits for what is being written and closes the regions. */
  async close(): Promise<void> {
    while (this.#writer !== undefined) await this.#writer;
    await Promise.all(this.#regions.map((region) => region.close()));
  }

  async #switchTo(payloads: readonly Uint8Array[]): Promise<void> {
    const other = this.#active === 0 ? 1 : 0;
    const region = this.#regions[other];
    const generation = this.#generation + 1;
    const body = concatBytes(
      ...payloads.map((payload, index) =>
        encodeFrame({ generation, index, session: this.#session, first: index === 0 }, payload),
      ),
    );
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
    this.#first = payloads.length === 0;
    this.#index = payloads.length;
    this.#end = REGION_HEAD + body.byteLength;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const frames: Uint8Array[] = [];
      for (const payload of batch.flatMap(({ payloads }) => payloads)) {
        frames.push(
          encodeFrame(
            { generation: this.#generation, index: this.#index, session: this.#session, first: this.#first },
            payload,
          ),
        );
        this.#first = false;
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

async function generationOf(region: BlockDevice): Promise<number> {
  const head = new Uint8Array(REGION_HEAD);
  await region.read(0, head);
  return decodeRegionHead(head);
}

/** Reads frames up to the first that does not follow, a window at a time. */
async function readFrames(
  region: BlockDevice,
  generation: number,
): Promise<{ readonly payloads: Uint8Array[]; readonly end: number }> {
  const payloads: Uint8Array[] = [];
  const { size } = region.capabilities;
  const buffer = new Uint8Array(Math.min(WINDOW, size));
  let session: number | undefined;
  let end = REGION_HEAD;
  for (let window = buffer.subarray(0, 0); ; ) {
    const frame = decodeFrame(window, { generation, index: payloads.length, session });
    if (frame === undefined) return { payloads, end };
    if (frame !== 'more') {
      payloads.push(frame.payload);
      session = frame.session;
      end += frame.size;
      window = window.subarray(frame.size);
      continue;
    }
    const fresh = buffer.subarray(0, Math.min(WINDOW, size - end));
    if (fresh.byteLength <= window.byteLength) return { payloads, end };
    await region.read(end, fresh);
    window = fresh;
  }
}
