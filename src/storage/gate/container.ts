import { refusal } from '../../base/index.ts';
import type { Finding } from './volume-probe.ts';

/** What to do about a volume that nobody here opens. */
export const FROM_HOST = 'Use another volume, or reach the files from the host itself.';

/** What holds volumes of its own, which nobody here looks into; `of` where they may hold a hibernated system. */
export function opaque(type: string, what: string, of: Partial<Finding> = {}): Finding {
  return {
    type,
    readRefusal: refusal(
      'VOLUME_UNSUPPORTED',
      `The volume is ${what}, which this version does not open.`,
      FROM_HOST,
    ),
    hibernation: [{ finding: 'hidden', what: `${what}, which may hold a hibernated system` }],
    ...of,
  };
}

export function encrypted(type: string, what: string, of: Partial<Finding> = {}): Finding {
  return {
    type,
    readRefusal: refusal(
      'VOLUME_ENCRYPTED',
      `The volume is encrypted (${what}), and Nightshift holds no key to it.`,
      'Use a volume that is not encrypted, or reach the files from the host itself, where it is unlocked.',
    ),
    hibernation: [{ finding: 'hidden', what: `${what}, which may hold a hibernated system` }],
    ...of,
  };
}
