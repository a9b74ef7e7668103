import { getFruInventoryAreaInfo } from '../../commands/get-fru-inventory-area-info.ts';
import { readFruData } from '../../commands/read-fru-data.ts';
import { writeFruData } from '../../commands/write-fru-data.ts';
import { encodeFru } from '../../fru/encode.ts';
import type { FruInventory } from '../../fru/inventory.ts';
import { le16 } from '../../wire/bits.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import { OPERATOR, serve, USER_OR_HOST } from './serve.ts';

const BOARD = 0;
const BY_BYTES = 0;
/** Write FRU Data's own code. */
const WRITE_PROTECTED = 0x80;
/** A reader that asks for more goes on from there. */
const MOST_AT_ONCE = 128;
const MOST_WRITTEN = 255;

/** FRU device 0, the board (IPMI 2.0, 34). Nobody writes it: it says what the board is, and the board does not change. */
export function fruCommands(inventory: FruInventory): readonly BmcCommand[] {
  const bytes = encodeFru(inventory);
  const ofBoard = (device: number): void => {
    if (device !== BOARD) throw new Completion(COMPLETION.notThere);
  };
  return [
    serve(getFruInventoryAreaInfo, USER_OR_HOST, 1, (data) => {
      ofBoard(data.u8(0));
      return [...le16(bytes.byteLength), BY_BYTES];
    }),
    serve(readFruData, USER_OR_HOST, 4, (data) => {
      ofBoard(data.u8(0));
      const [offset, count] = [data.u16le(1), data.u8(3)];
      if (offset >= bytes.byteLength || count === 0) throw new Completion(COMPLETION.outOfRange);
      const piece = bytes.subarray(offset, offset + Math.min(count, MOST_AT_ONCE));
      return [piece.byteLength, ...piece];
    }),
    serve(writeFruData, OPERATOR, [3, 3 + MOST_WRITTEN], (data) => {
      ofBoard(data.u8(0));
      throw new Completion(WRITE_PROTECTED);
    }),
  ];
}
