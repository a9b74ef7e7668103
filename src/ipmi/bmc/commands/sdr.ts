import { concatBytes, crc32 } from '../../../base/index.ts';
import type { Clock } from '../../../ports/index.ts';
import { getSdr } from '../../commands/get-sdr.ts';
import { getSdrRepositoryInfo } from '../../commands/get-sdr-repository-info.ts';
import { getSdrRepositoryTime } from '../../commands/get-sdr-repository-time.ts';
import { FIRST_RECORD, LAST_RECORD } from '../../commands/get-sel-entry.ts';
import { reserveSdrRepository } from '../../commands/reserve-sdr-repository.ts';
import { flag, le16, le32 } from '../../wire/bits.ts';
import { NET_FN } from '../../wire/message.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import { serve, USER_OR_HOST } from './serve.ts';

const VERSION = 0x51;
const WHOLE = 0xff;
const FULL = 0;
const UNIT = 64;

const FIRST_DATE = 1_700_000_000;
const DATES = 1 << 25;

/** The same for the same records, another one, nearly always, for others. */
const dateOf = (records: readonly Uint8Array[]): number =>
  FIRST_DATE + (crc32(concatBytes(...records)) % DATES);

/**
 * The SDR repository (IPMI 2.0, 33.9-33.12): nothing is ever added to it, so it is full, and a reservation lasts until the
 * BMC starts anew with other records. Its date stands for its contents: tools keep a copy of it for as long as the date stays,
 * and a start that changed nothing must not cost them that copy.
 */
export function sdrCommands(
  repository: ReadonlyMap<number, Uint8Array>,
  clock: Clock,
): readonly BmcCommand[] {
  const [ids, dated] = [[...repository.keys()], dateOf([...repository.values()])];
  // Other records have another one: whoever was reading then reads anew.
  const reservation = (dated & 0x7fff) + 1;
  return [
    serve(getSdrRepositoryInfo, USER_OR_HOST, 0, () => [
      VERSION,
      ...le16(ids.length),
      ...le16(FULL),
      ...le32(dated),
      ...le32(dated),
      flag(true, 1) | flag(true, 0),
    ]),
    serve(
      { name: 'Get SDR Repository Allocation Info', netFn: NET_FN.storage, code: 0x21 },
      USER_OR_HOST,
      0,
      () => [...le16(ids.length), ...le16(UNIT), ...le16(FULL), ...le16(FULL), 1],
    ),
    serve(reserveSdrRepository, USER_OR_HOST, 0, () => le16(reservation)),
    serve(getSdr, USER_OR_HOST, 6, (data) => {
      const [reserved, wanted, offset, count] = [data.u16le(0), data.u16le(2), data.u8(4), data.u8(5)];
      if (offset > 0 && reserved !== reservation) throw new Completion(COMPLETION.reservationLost);
      const id = wanted === FIRST_RECORD ? ids[0]! : wanted === LAST_RECORD ? ids.at(-1)! : wanted;
      const bytes = repository.get(id);
      if (bytes === undefined) throw new Completion(COMPLETION.notThere);
      if (offset >= bytes.byteLength) throw new Completion(COMPLETION.outOfRange);
      if (count !== WHOLE && count > UNIT) throw new Completion(COMPLETION.cannotReturnThatMany);
      const end = count === WHOLE ? bytes.byteLength : offset + count;
      return [...le16(ids[ids.indexOf(id) + 1] ?? LAST_RECORD), ...bytes.subarray(offset, end)];
    }),
    serve(getSdrRepositoryTime, USER_OR_HOST, 0, () => le32(clock.wallSeconds())),
  ];
}
