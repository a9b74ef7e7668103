import { asNsError, NsError } from '../../../base/index.ts';
import type { Clock, LogSink } from '../../../ports/index.ts';
import { loadLibc } from '../../libc.ts';
import { CharacterLines } from './character-lines.ts';
import type { GpioLines } from './lines.ts';
import { SysfsLines } from './sysfs-lines.ts';

/**
 * The lines of this machine: by character devices, or by sysfs where those cannot be used, which the log then says. NS_GPIO
 * where the kernel has neither.
 */
export async function openGpioLines(clock: Clock, log: LogSink): Promise<GpioLines> {
  try {
    return new CharacterLines({ libc: await loadLibc('NS_GPIO'), clock, log });
  } catch (first) {
    const why = asNsError(first, 'NS_GPIO').message;
    const lines = await SysfsLines.open(clock).catch((second: unknown) => {
      throw new NsError(
        'NS_GPIO',
        `no GPIO line can be reached: ${why}; ${asNsError(second, 'NS_GPIO').message}`,
        {
          cause: second,
        },
      );
    });
    log.log('warn', 'gpio.sysfs', { error: why });
    return lines;
  }
}
