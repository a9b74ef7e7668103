import { NsError, type Refusal, refusal, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, HostPower, MemoryProbe, PowerReading } from '../../ports/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import { checkDram } from './check-dram.ts';
import { checkSpd } from './check-spd.ts';
import { checkStorage } from './check-storage.ts';

export interface CheckProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

export interface MemoryCheck {
  readonly args: ArgsOf<'memory.check'>;
  /** Absent where the board reaches no memory at all. */
  readonly probe?: MemoryProbe;
  readonly power: HostPower;
  /** The disk, leased for reading, for the medium `storage`. */
  readonly device?: BlockDevice;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CheckProgress) => void;
}

export type CheckResult = ResultOf<'memory.check'>;

/**
 * Checks one medium of the sleeping host. The result says what was covered, what was not and why; a medium of which
 * nothing can be reached is a refusal. The test of `dram` destroys what the memory holds and is made only where that
 * is nothing: never in S0 or S3. It stops with HOST_WAKING as soon as the host wants to wake.
 */
export async function checkMemory(check: MemoryCheck): Promise<Verdict<CheckResult>> {
  const power = await check.power.read(check.signal);
  switch (check.args.medium) {
    case 'spd':
      return checkSpd(check, power);
    case 'storage':
      return checkStorage(check);
    case 'dram': {
      const unsafe = wouldDestroy(power);
      if (unsafe) return { ok: false, refusal: unsafe };
      return whileHostSleeps(check, (signal) => checkDram({ ...check, signal }, power));
    }
  }
}

/** Whether memory holds something that somebody needs. */
function wouldDestroy(power: PowerReading): Refusal | undefined {
  if (!power.certain) return refusal('HOST_STATE_UNKNOWN');
  switch (power.state) {
    case 'S0':
      return refusal(
        'HOST_AWAKE',
        'The host is on (S0) and uses its memory; the test would destroy what it holds.',
      );
    case 'S3':
      return refusal(
        'HOST_SUSPENDED',
        'The host is suspended (S3); the test would destroy the running system in its memory.',
        'Shut the host down fully, then give the order again.',
      );
    case 'unknown':
      return refusal('HOST_STATE_UNKNOWN');
    case 'S4':
    case 'S5':
    case 'G3':
      return undefined;
  }
}

async function whileHostSleeps<T>(
  { power, signal }: MemoryCheck,
  work: (signal: AbortSignal) => Promise<Verdict<T>>,
): Promise<Verdict<T>> {
  const waking = new AbortController();
  const stop = () => waking.abort(new NsError('NS_HOST_WAKING', 'the host wants to wake'));
  const stops = [
    power.onWakeRequest(stop),
    power.onChange((reading) => {
      if (wouldDestroy(reading)) stop();
    }),
  ];
  try {
    return await work(AbortSignal.any([signal, waking.signal]));
  } catch (error) {
    if (signal.aborted || !waking.signal.aborted) throw error;
    return refuse(
      'HOST_WAKING',
      'The host wants to wake, so the memory test was stopped; its result is void.',
    );
  } finally {
    for (const stopListening of stops) stopListening();
  }
}
