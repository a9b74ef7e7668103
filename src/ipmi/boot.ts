import { type Carrier, runCommand } from './command.ts';
import type { BootFlags } from './commands/boot-flags.ts';
import { BOOT_PARAMETER, type BootOption, type SetInProgress } from './commands/boot-option.ts';
import { getSystemBootOptions } from './commands/get-system-boot-options.ts';
import { setSystemBootOptions } from './commands/set-system-boot-options.ts';
import { IpmiCompletion } from './faults.ts';

const SOMEBODY_ELSE = 0x81;

export async function getBootFlags(carrier: Carrier, signal: AbortSignal): Promise<BootFlags | undefined> {
  const wanted = { parameter: BOOT_PARAMETER.bootFlags };
  const { option } = await runCommand(carrier, getSystemBootOptions, wanted, signal);
  return option.is === 'boot-flags' ? option.flags : undefined;
}

/**
 * Sets the boot flags under the mark "set in progress", so that the BIOS never sees half of them (IPMI 2.0, 28.12). A BMC
 * without the mark, or without acknowledgement, is served all the same; one that somebody else has marked is an error.
 */
export async function setBootFlags(
  carrier: Carrier,
  flags: Partial<BootFlags>,
  signal: AbortSignal,
): Promise<void> {
  const set = (option: BootOption): Promise<void> =>
    runCommand(carrier, setSystemBootOptions, { option }, signal);
  const tryTo = async (option: BootOption): Promise<void> => {
    try {
      await set(option);
    } catch (error) {
      if (!(error instanceof IpmiCompletion) || error.completion === SOMEBODY_ELSE) throw error;
    }
  };
  const progress = (to: SetInProgress): Promise<void> => tryTo({ is: 'set-in-progress', progress: to });
  await progress('in-progress');
  try {
    // The BIOS has not seen these yet.
    await tryTo({ is: 'info-acknowledge', mask: 1, acknowledged: 1 });
    await set({ is: 'boot-flags', flags: { ...NO_FLAGS, ...flags } });
  } catch (error) {
    // The mark would keep everybody else out; why the flags were refused is what matters.
    await progress('complete').catch(() => {});
    throw error;
  }
  await progress('complete');
}

const NO_FLAGS: BootFlags = {
  valid: true,
  persistent: false,
  efi: false,
  device: 'none',
  clearCmos: false,
  lockKeyboard: false,
  screenBlank: false,
  lockResetButton: false,
  lockPowerButton: false,
  lockSleepButton: false,
  bypassPassword: false,
  forceProgressTraps: false,
  verbosity: 'bios-default',
  consoleRedirection: 'bios-default',
  deviceInstance: 0,
};
