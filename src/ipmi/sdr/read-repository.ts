import { concatBytes, NsError } from '../../base/index.ts';
import { type Carrier, NOTHING, runCommand } from '../command.ts';
import { getSdr } from '../commands/get-sdr.ts';
import { getSdrRepositoryInfo, type SdrRepositoryInfo } from '../commands/get-sdr-repository-info.ts';
import { FIRST_RECORD, LAST_RECORD } from '../commands/get-sel-entry.ts';
import { reserveSdrRepository } from '../commands/reserve-sdr-repository.ts';
import { IpmiCompletion } from '../faults.ts';
import { isTooMuch, PieceSize } from '../piece-size.ts';
import { decodeSdr, SDR_HEADER } from './decode.ts';
import type { SdrRecord } from './record.ts';

const RESERVATION_LOST = 0xc5;
const NOT_PRESENT = 0xcb;
const INVALID_COMMAND = 0xc1;
/** Losses of the reservation at one record, after which somebody else is too busy with the repository. */
const MOST_LOSSES = 8;
/** Far more than any machine has. */
const MOST_RECORDS = 4096;

export interface Repository {
  /** As it was when the reading began: what shows later whether it has changed. */
  readonly info: SdrRepositoryInfo;
  readonly records: readonly SdrRecord[];
}

/**
 * Reads the whole SDR repository, record by record and piece by piece (IPMI 2.0, 33.12). A lost reservation is renewed and
 * the record read anew; pieces shrink to what the BMC can send. NS_IPMI_SDR where its records go round in a circle or
 * have no end.
 */
export async function readRepository(carrier: Carrier, signal: AbortSignal): Promise<Repository> {
  const info = await runCommand(carrier, getSdrRepositoryInfo, undefined, signal);
  const reader = new Reader(carrier, info.canReserve, signal);
  const records: SdrRecord[] = [];
  const seen = new Set<number>();
  for (let id = FIRST_RECORD; id !== LAST_RECORD; ) {
    if (seen.has(id)) throw endless(`record ${id} comes twice`);
    if (seen.size >= MOST_RECORDS) throw endless(`more than ${MOST_RECORDS} records`);
    seen.add(id);
    const found = await reader.read(id);
    if (found === undefined) break;
    records.push(decodeSdr(found.bytes));
    id = found.next;
  }
  return { info, records };
}

class Reader {
  readonly #carrier: Carrier;
  readonly #signal: AbortSignal;
  readonly #size = new PieceSize();
  #canReserve: boolean;
  #reservation: number | undefined;

  constructor(carrier: Carrier, canReserve: boolean, signal: AbortSignal) {
    this.#carrier = carrier;
    this.#canReserve = canReserve;
    this.#signal = signal;
  }

  /** Undefined where the repository has no such record: it is empty, or the record was just taken out. */
  async read(record: number): Promise<{ readonly bytes: Uint8Array; readonly next: number } | undefined> {
    for (let losses = 0; ; losses += 1) {
      try {
        return await this.#readOnce(record);
      } catch (error) {
        if (!(error instanceof IpmiCompletion)) throw error;
        if (error.completion === NOT_PRESENT) return undefined;
        if (error.completion !== RESERVATION_LOST || losses >= MOST_LOSSES) throw error;
        this.#reservation = undefined;
        // Some BMCs say that they have no reservations, and want one all the same.
        this.#canReserve = true;
      }
    }
  }

  async #readOnce(record: number): Promise<{ readonly bytes: Uint8Array; readonly next: number }> {
    let bytes: Uint8Array = NOTHING;
    let next = LAST_RECORD;
    for (let length = SDR_HEADER; bytes.byteLength < length; ) {
      const found = await this.#piece(record, bytes.byteLength, length - bytes.byteLength);
      if (found.piece.byteLength === 0) throw endless(`record ${record} ends before its length`);
      bytes = concatBytes(bytes, found.piece);
      next = found.next;
      if (bytes.byteLength >= SDR_HEADER) length = SDR_HEADER + bytes[SDR_HEADER - 1]!;
    }
    return { bytes, next };
  }

  async #piece(record: number, offset: number, wanted: number) {
    for (;;) {
      const reservation = await this.#reserved();
      const count = this.#size.upTo(wanted);
      try {
        return await runCommand(this.#carrier, getSdr, { reservation, record, offset, count }, this.#signal);
      } catch (error) {
        if (!isTooMuch(error) || !this.#size.shrink(count)) throw error;
      }
    }
  }

  async #reserved(): Promise<number> {
    if (!this.#canReserve) return 0;
    try {
      this.#reservation ??= await runCommand(this.#carrier, reserveSdrRepository, undefined, this.#signal);
    } catch (error) {
      if (!(error instanceof IpmiCompletion) || error.completion !== INVALID_COMMAND) throw error;
      this.#reservation = 0;
    }
    return this.#reservation;
  }
}

const endless = (why: string): NsError =>
  new NsError('NS_IPMI_SDR', `the SDR repository makes no sense: ${why}`, { family: 'peer' });
