import type { Nanoseconds } from '../time.ts';
import { WINDOW } from './ordered-receiver.ts';
import type { SegmentData } from './segment.ts';

interface UnderWay {
  readonly segment: SegmentData;
  /** Counts every transmission on this channel; the last one of this segment. */
  transmission: number;
  sentAt: Nanoseconds;
  again: boolean;
  here: boolean;
  lost: boolean;
}

/** Sequence numbers end before they would wrap; the channel then begins anew. */
const LAST_SEQUENCE = 0xffff_0000;

/** What waits to be sent, what is under way, and which of that is known to be lost. */
export class OrderedSender {
  readonly #waiting: SegmentData[] = [];
  readonly #underWay: UnderWay[] = [];
  #made = 0;
  #transmissions = 0;
  #bytes = 0;

  /** Bytes that wait or are under way. */
  get bytes(): number {
    return this.#bytes;
  }

  get busy(): boolean {
    return this.#underWay.length > 0;
  }

  get idle(): boolean {
    return this.#underWay.length === 0 && this.#waiting.length === 0;
  }

  get exhausted(): boolean {
    return this.#made > LAST_SEQUENCE;
  }

  add(message: Uint8Array, largestPart: number): void {
    let from = 0;
    do {
      const bytes = message.subarray(from, from + largestPart);
      from += largestPart;
      this.#waiting.push({ sequence: this.#made++, last: from >= message.length, bytes });
    } while (from < message.length);
    this.#bytes += message.length;
  }

  /** What is to go next: lost segments first, then new ones while the window has room. */
  due(): SegmentData | undefined {
    const lost = this.#underWay.find((item) => item.lost);
    if (lost !== undefined) return lost.segment;
    const first = this.#underWay[0]?.segment.sequence;
    const next = this.#waiting[0];
    return next !== undefined && (first === undefined || next.sequence - first <= WINDOW) ? next : undefined;
  }

  /** The segment that was due is on its way. */
  sent(segment: SegmentData, now: Nanoseconds): void {
    this.#transmissions += 1;
    const transmission = this.#transmissions;
    if (this.#waiting[0] === segment) {
      this.#waiting.shift();
      this.#underWay.push({ segment, transmission, sentAt: now, again: false, here: false, lost: false });
      return;
    }
    const item = this.#underWay.find((each) => each.segment === segment);
    if (item !== undefined) Object.assign(item, { transmission, sentAt: now, again: true, lost: false });
  }

  /**
   * What the other end has. Since the link keeps the order, whatever was sent before something that has arrived, and is
   * not there itself, is lost. Gives whether anything new was acknowledged, and the time that the newest of it was sent
   * where that is certain.
   */
  acknowledged(next: number, here: number): { readonly progress: boolean; readonly sentAt?: Nanoseconds } {
    let progress = false;
    let sentAt: Nanoseconds | undefined;
    let newest = 0;
    const arrived = (item: UnderWay): void => {
      newest = Math.max(newest, item.transmission);
      if (item.here) return;
      progress = true;
      if (!item.again) sentAt = item.sentAt;
    };
    for (
      let item = this.#underWay[0];
      item !== undefined && item.segment.sequence < next;
      item = this.#underWay[0]
    ) {
      arrived(item);
      this.#bytes -= item.segment.bytes.length;
      this.#underWay.shift();
    }
    for (const item of this.#underWay) {
      const bit = item.segment.sequence - next - 1;
      if (bit < 0 || bit >= WINDOW || (here & (1 << bit)) === 0) continue;
      arrived(item);
      item.here = true;
      item.lost = false;
    }
    for (const item of this.#underWay) {
      if (!item.here && item.transmission < newest) item.lost = true;
    }
    return { progress, ...(sentAt === undefined ? {} : { sentAt }) };
  }

  /** No answer in time: the oldest goes again. */
  lostOldest(): void {
    const item = this.#underWay.find((each) => !each.here);
    if (item !== undefined) item.lost = true;
  }

  /** The link was disconnected meanwhile: all that is under way goes again. */
  lostAll(): void {
    for (const item of this.#underWay) item.lost = !item.here;
  }
}
