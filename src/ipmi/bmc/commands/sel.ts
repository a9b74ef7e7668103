import { fromHex } from '../../../base/index.ts';
import { addSelEntry } from '../../commands/add-sel-entry.ts';
import { clearSel } from '../../commands/clear-sel.ts';
import { deleteSelEntry } from '../../commands/delete-sel-entry.ts';
import { FIRST_RECORD, getSelEntry, LAST_RECORD, SEL_RECORD_SIZE } from '../../commands/get-sel-entry.ts';
import { getSelInfo } from '../../commands/get-sel-info.ts';
import { reserveSel } from '../../commands/reserve-sel.ts';
import { flag, le16, le32 } from '../../wire/bits.ts';
import { NET_FN } from '../../wire/message.ts';
import { type BmcCommand, type Caller, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import { logCleared } from '../sel-events.ts';
import { foreignRecord, SOFTWARE } from '../sel-foreign.ts';
import { idOf, SEL_RECORDS, type SelStore } from '../sel-store.ts';
import { OPERATOR, OPERATOR_OR_HOST, serve, USER_OR_HOST, valid } from './serve.ts';

const VERSION = 0x51;
const WHOLE = 0xff;
const ERASE = 0xaa;
const ASK = 0x00;
const ERASED = 0x01;
const CLR = fromHex('434c52');
const EVENT = 0x02;
const NEWEST_REVISION = 0x04;
const OLDEST_REVISION = 0x03;

/**
 * The event log (IPMI 2.0, 31). The host may add to it and read it; only operators erase. An erasure leaves a record of its
 * own behind.
 */
export function selCommands(sel: SelStore): readonly BmcCommand[] {
  return [
    serve(getSelInfo, USER_OR_HOST, 0, () => {
      const { entries, lastAddition, lastErase, overflow } = sel.info;
      const free = (SEL_RECORDS - entries) * SEL_RECORD_SIZE;
      const support = flag(overflow, 7) | flag(true, 3) | flag(true, 1) | flag(true, 0);
      return [VERSION, ...le16(entries), ...le16(free), ...le32(lastAddition), ...le32(lastErase), support];
    }),
    serve({ name: 'Get SEL Allocation Info', netFn: NET_FN.storage, code: 0x41 }, USER_OR_HOST, 0, () => {
      const free = le16(SEL_RECORDS - sel.info.entries);
      return [...le16(SEL_RECORDS), ...le16(SEL_RECORD_SIZE), ...free, ...free, 1];
    }),
    serve(reserveSel, USER_OR_HOST, 0, () => le16(sel.reserve())),
    serve(getSelEntry, USER_OR_HOST, 6, (data) => {
      const [reservation, id, offset, count] = [data.u16le(0), data.u16le(2), data.u8(4), data.u8(5)];
      // A part of a record is worth something only while the record stays the same.
      if (offset > 0 && !sel.isReserved(reservation)) throw new Completion(COMPLETION.reservationLost);
      const { records } = sel;
      const at = placeOf(sel, id);
      if (offset >= SEL_RECORD_SIZE) throw new Completion(COMPLETION.outOfRange);
      const end = count === WHOLE ? SEL_RECORD_SIZE : offset + count;
      if (end > SEL_RECORD_SIZE) throw new Completion(COMPLETION.cannotReturnThatMany);
      const next = records[at + 1];
      return [
        ...le16(next === undefined ? LAST_RECORD : idOf(next)),
        ...records[at]!.record.subarray(offset, end),
      ];
    }),
    serve(addSelEntry, OPERATOR_OR_HOST, SEL_RECORD_SIZE, (data, caller) => added(sel, data.bytes, caller)),
    serve(deleteSelEntry, OPERATOR, 4, (data) => {
      if (!sel.isReserved(data.u16le(0))) throw new Completion(COMPLETION.reservationLost);
      const id = idOf(sel.records[placeOf(sel, data.u16le(2))]!);
      sel.delete(id);
      return le16(id);
    }),
    serve(clearSel, OPERATOR, 6, (data) => {
      valid(CLR.every((byte, n) => data.u8(2 + n) === byte));
      const what = data.u8(5);
      valid(what === ERASE || what === ASK);
      if (what === ASK) return [ERASED];
      if (!sel.isReserved(data.u16le(0))) throw new Completion(COMPLETION.reservationLost);
      sel.clear();
      sel.add(logCleared());
      return [ERASED];
    }),
    serve(
      { name: 'Platform Event', netFn: NET_FN.sensor, code: 0x02 },
      OPERATOR_OR_HOST,
      [5, 8],
      (data, caller) => {
        // By the system interface alone the generator comes first (IPMI 2.0, 29.3).
        const isHost = caller.is === 'host';
        const event = data.slice(isHost ? 1 : 0, data.length - (isHost ? 1 : 0));
        if (event.byteLength < 5 || event.byteLength > 7) throw new Completion(COMPLETION.wrongLength);
        valid(event[0] === NEWEST_REVISION || event[0] === OLDEST_REVISION);
        const record = new Uint8Array(SEL_RECORD_SIZE).fill(0xff, 13);
        record.set([EVENT], 2);
        record.set([isHost ? data.u8(0) : SOFTWARE.user, 0], 7);
        record.set(event, 9);
        added(sel, record, caller);
        return [];
      },
    ),
  ];
}

function placeOf(sel: SelStore, id: number): number {
  const { records } = sel;
  const at =
    id === FIRST_RECORD
      ? 0
      : id === LAST_RECORD
        ? records.length - 1
        : records.findIndex((kept) => idOf(kept) === id);
  if (records[at] === undefined) throw new Completion(COMPLETION.notThere);
  return at;
}

function added(sel: SelStore, bytes: Uint8Array, caller: Caller): readonly number[] {
  const id = sel.addForeign(foreignRecord(bytes, caller));
  if (id === undefined) throw new Completion(COMPLETION.busy);
  return le16(id);
}
