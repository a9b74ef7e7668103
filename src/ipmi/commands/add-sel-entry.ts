import { NsError } from '../../base/index.ts';
import type { Command } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { SEL_RECORD_SIZE } from './get-sel-entry.ts';

/** IPMI 2.0, 31.6. Takes a record of 16 bytes, whose id and time the BMC replaces; gives its id. */
export const addSelEntry: Command<{ readonly record: Uint8Array }, number> = {
  name: 'Add SEL Entry',
  netFn: NET_FN.storage,
  code: 0x44,
  level: 'operator',
  repeatable: false,
  codes: { 128: 'the log does not take this type of record', 129: 'the log is being erased' },
  encode({ record }) {
    if (record.byteLength === SEL_RECORD_SIZE) return record;
    throw new NsError('NS_IPMI_ARGUMENT', `a SEL record has ${SEL_RECORD_SIZE} bytes`, { family: 'caller' });
  },
  decode: (data) => data.u16le(0),
};
