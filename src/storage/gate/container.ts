import { refusal } from '../../base/index.ts';
import type { Finding } from './volume-probe.ts';

/** What holds volumes of its own, which nobody here looks into; `of` where they may hold a hibernated system. */
export function opaque(type: string, what: string, of: Partial<Finding> = {}): Finding {
  return {
    type,
    readRefusal: refusal('VOLUME_UNSUPPORTED', `The volume is ${what}, which this version does not open.`),
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
    ),
    hibernation: [{ finding: 'hidden', what: `${what}, which may hold a hibernated system` }],
    ...of,
  };
}
