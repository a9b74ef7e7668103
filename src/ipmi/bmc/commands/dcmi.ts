import type { Duration } from '../../../base/index.ts';
import type { Clock } from '../../../ports/index.ts';
import { dcmiGetCapabilities } from '../../commands/dcmi-get-capabilities.ts';
import { dcmiGetPowerReading } from '../../commands/dcmi-get-power-reading.ts';
import { flag, le16, le32 } from '../../wire/bits.ts';
import { BMC_ADDRESS } from '../../wire/message.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import { LAN_CHANNEL } from '../lan-channel.ts';
import { SEL_RECORDS } from '../sel-store.ts';
import { serve, USER_OR_HOST, valid } from './serve.ts';

const DCMI = 0xdc;
const SYSTEM_POWER = 0x01;
const ACTIVE_BIT = 6;
const MOST_WATTS = 0xffff;
/** Version 1.5, and the revision of these parameters. */
const HEADER = [DCMI, 1, 5, 2];
const NONE = 0xff;
/** A full log goes on with its oldest record. */
const ROLLS_OVER = 0x8000;

/** By parameter (DCMI 1.5, 6.1.1). */
const CAPABILITIES: Readonly<Record<number, readonly number[]>> = {
  // Power management; LAN in band and out of it, and the system interface.
  1: [0, flag(true, 0), flag(true, 0) | flag(true, 3)],
  2: [...le16(ROLLS_OVER | SEL_RECORDS), 0, 0, 0],
  3: [BMC_ADDRESS, 0],
  4: [LAN_CHANNEL, NONE, NONE],
  // No rolling averages.
  5: [0],
};

/**
 * What the host draws (DCMI 1.5, 6.1.1 and 6.6.1), where the board measures it. Least, most and average are over the readings
 * that were asked for since the BMC started.
 */
export function dcmiCommands(
  watts: (signal: AbortSignal) => Promise<number>,
  clock: Clock,
): readonly BmcCommand[] {
  const seen = { count: 0, sum: 0, least: MOST_WATTS, most: 0 };
  let since: Duration | undefined;
  return [
    serve(dcmiGetCapabilities, USER_OR_HOST, [1, 2], (data) => {
      ofDcmi(data.u8(0));
      const parameter = CAPABILITIES[data.u8(1)];
      valid(parameter !== undefined);
      return [...HEADER, ...parameter];
    }),
    serve(dcmiGetPowerReading, USER_OR_HOST, [1, 4], async (data, _caller, signal) => {
      ofDcmi(data.u8(0));
      valid(data.u8(1) === SYSTEM_POWER);
      const now = Math.min(MOST_WATTS, Math.max(0, Math.round(await watts(signal))));
      since ??= clock.monotonic();
      seen.count += 1;
      seen.sum += now;
      seen.least = Math.min(seen.least, now);
      seen.most = Math.max(seen.most, now);
      return [
        DCMI,
        ...le16(now),
        ...le16(seen.least),
        ...le16(seen.most),
        ...le16(Math.round(seen.sum / seen.count)),
        ...le32(clock.wallSeconds()),
        ...le32(clock.monotonic() - since),
        flag(true, ACTIVE_BIT),
      ];
    }),
  ];
}

/** Other bodies' extensions have the same codes (IPMI 2.0, 5.1): PICMG is 00h. */
function ofDcmi(body: number): void {
  if (body !== DCMI) throw new Completion(COMPLETION.unknownCommand);
}
