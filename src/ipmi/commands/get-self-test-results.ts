import { type Command, NOTHING } from '../command.ts';
import { bit } from '../wire/bits.ts';
import { NET_FN } from '../wire/message.ts';

/** Parts that a self test can find broken (IPMI 2.0, table 20-4), by bit. */
const PARTS = [
  'operational firmware',
  'boot block of the firmware update',
  'internal use area of the BMC FRU',
  'SDR repository (empty)',
  'IPMB signal lines',
  'BMC FRU device',
  'SDR repository',
  'SEL device',
] as const;

/** IPMI 2.0, 20.4. */
export type SelfTest =
  | { readonly is: 'passed' }
  | { readonly is: 'not-implemented' }
  | { readonly is: 'broken'; readonly parts: readonly string[] }
  | { readonly is: 'fatal'; readonly detail: number }
  /** A code of the maker. */
  | { readonly is: 'other'; readonly code: number; readonly detail: number };

export const getSelfTestResults: Command<void, SelfTest> = {
  name: 'Get Self Test Results',
  netFn: NET_FN.app,
  code: 0x04,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode(data) {
    const [code, detail] = [data.u8(0), data.u8(1)];
    if (code === 0x55) return { is: 'passed' };
    if (code === 0x56) return { is: 'not-implemented' };
    if (code === 0x57) return { is: 'broken', parts: PARTS.filter((_, n) => bit(detail, n)) };
    if (code === 0x58) return { is: 'fatal', detail };
    return { is: 'other', code, detail };
  },
};
