import { getChassisCapabilities } from '../../commands/get-chassis-capabilities.ts';
import { getPohCounter } from '../../commands/get-poh-counter.ts';
import { setFrontPanelEnables } from '../../commands/set-front-panel-enables.ts';
import { bit, flag, le32 } from '../../wire/bits.ts';
import { BMC_ADDRESS } from '../../wire/message.ts';
import type { BmcCommand } from '../command.ts';
import type { BmcChassis } from '../machine.ts';
import { refused } from './refused.ts';
import { ADMINISTRATOR, serve, USER_OR_HOST, valid } from './serve.ts';

const MINUTES_PER_COUNT = 60;
const POWER_BUTTON_BIT = 0;
const BUTTONS = 0x0f;

/** What the chassis can do and has done (IPMI 2.0, 28.1, 28.6, 28.14). What the board lacks is no command. */
export function chassisFactCommands(chassis: BmcChassis): readonly BmcCommand[] {
  const { powerOnHours, powerButtonMasked, intrusion, actions } = chassis;
  const capabilities =
    flag(intrusion !== undefined, 0) |
    flag(powerButtonMasked !== undefined, 1) |
    flag(actions === undefined || actions.includes('nmi'), 2);
  const commands = [
    serve(getChassisCapabilities, USER_OR_HOST, 0, () => [
      capabilities,
      BMC_ADDRESS,
      BMC_ADDRESS,
      BMC_ADDRESS,
      BMC_ADDRESS,
      BMC_ADDRESS,
    ]),
  ];
  if (powerOnHours !== undefined) {
    commands.push(
      serve(getPohCounter, USER_OR_HOST, 0, () => [MINUTES_PER_COUNT, ...le32(Math.floor(powerOnHours()))]),
    );
  }
  if (powerButtonMasked !== undefined) {
    commands.push(
      serve(setFrontPanelEnables, ADMINISTRATOR, 1, async (data) => {
        const locked = chassis.locked();
        if (locked !== undefined) throw refused(locked);
        const disabled = data.u8(0) & BUTTONS;
        valid((disabled & ~flag(true, POWER_BUTTON_BIT)) === 0);
        await powerButtonMasked.set(bit(disabled, POWER_BUTTON_BIT));
        return [];
      }),
    );
  }
  return commands;
}
