import { getDeviceGuid } from '../../commands/get-device-guid.ts';
import { getDeviceId } from '../../commands/get-device-id.ts';
import { getSelfTestResults } from '../../commands/get-self-test-results.ts';
import { getSystemGuid } from '../../commands/get-system-guid.ts';
import { bcd, flag, le16, le24 } from '../../wire/bits.ts';
import { NET_FN } from '../../wire/message.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import type { BmcMachine } from '../machine.ts';
import type { SelStore } from '../sel-store.ts';
import { ADMINISTRATOR, serve, USER_OR_HOST } from './serve.ts';

const IPMI_2_0 = 0x02;
const PASSED = 0x55;
const BROKEN = 0x57;
const SEL_BROKEN_BIT = 7;

/** SDR repository, SEL, FRU, sensors and chassis: bits 0-3 and 7 (IPMI 2.0, table 20-2). */
const SUPPORT = 0x8f;

/** What the BMC says of itself (IPMI 2.0, 20.1-20.8). */
export function deviceCommands({ identity }: BmcMachine, sel: SelStore): readonly BmcCommand[] {
  return [
    serve(getDeviceId, USER_OR_HOST, 0, () => [
      identity.deviceId,
      identity.deviceRevision & 0x0f,
      identity.firmware.major & 0x7f,
      bcd(identity.firmware.minor),
      IPMI_2_0,
      SUPPORT,
      ...le24(identity.manufacturer),
      ...le16(identity.product),
      0,
      0,
      0,
      0,
    ]),
    // A reset of the agent would end the tasks under way: that is no business of whoever has a password of the BMC.
    serve({ name: 'Cold Reset', netFn: NET_FN.app, code: 0x02 }, ADMINISTRATOR, 0, disabled),
    serve({ name: 'Warm Reset', netFn: NET_FN.app, code: 0x03 }, ADMINISTRATOR, 0, disabled),
    serve(getSelfTestResults, USER_OR_HOST, 0, () =>
      sel.broken ? [BROKEN, flag(true, SEL_BROKEN_BIT)] : [PASSED, 0],
    ),
    serve(getDeviceGuid, USER_OR_HOST, 0, () => identity.guid),
    serve(getSystemGuid, { ...USER_OR_HOST, nobody: true }, 0, () => identity.systemGuid),
  ];
}

function disabled(): never {
  throw new Completion(COMPLETION.disabled);
}
