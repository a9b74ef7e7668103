import { allow, refuse, type Verdict } from '../base/index.ts';
import type { PowerReading } from '../ports/index.ts';

export interface AccessQuestion {
  readonly power: PowerReading;
  readonly want: 'read' | 'write';
  /** The order says that stale data will do. */
  readonly staleOk: boolean;
  /** The board can power the drive without the host. */
  readonly ownPower: boolean;
}

export interface AccessGrant {
  /** What is read may be older than what the sleeping host holds in its memory. */
  readonly stale: boolean;
}

/**
 * May the host's disk be touched in this power state? The power half of the design's table (design section 5); what
 * the disk itself says (hibernation images, dirty journals) is judged by the storage gate on top of this.
 */
export function judgeAccess(question: AccessQuestion): Verdict<AccessGrant> {
  const { power, want, staleOk, ownPower } = question;
  if (!power.certain) return refuse('HOST_STATE_UNKNOWN', uncertain(power));
  switch (power.state) {
    case 'S0':
      return refuse('HOST_AWAKE');
    case 'unknown':
      return refuse('HOST_STATE_UNKNOWN', uncertain(power));
    case 'S3':
      if (want === 'write' || !staleOk) {
        return refuse('HOST_SUSPENDED', undefined, want === 'write' ? SHUT_DOWN : undefined);
      }
      break;
    case 'S4':
      if (want === 'write' || !staleOk) {
        return refuse('HOST_HIBERNATED', undefined, want === 'write' ? WAKE_AND_SHUT_DOWN : undefined);
      }
      break;
    case 'S5':
    case 'G3':
      break;
  }
  if (!ownPower) {
    return refuse('NOT_SUPPORTED', `In ${power.state} the drive has no power on this board.`);
  }
  return allow({ stale: power.state === 'S3' || power.state === 'S4' });
}

const SHUT_DOWN = 'Shut the host down fully, then give the order again.';
const WAKE_AND_SHUT_DOWN = 'Wake the host and shut it down fully, then give the order again.';

function uncertain(power: PowerReading): string {
  const sources = Object.entries(power.sources)
    .map(([source, value]) => `${source}: ${value}`)
    .join(', ');
  return `The host's power state is not known for certain (${sources === '' ? 'no sensor answers' : sources}).`;
}
