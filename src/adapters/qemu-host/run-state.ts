import { milliseconds, NsError } from '../../base/index.ts';
import type { Clock, KnownPowerState, PowerClaim, PowerSource, Stop } from '../../ports/index.ts';
import type { Qmp } from './qmp.ts';
import { objectOf } from './qmp-messages.ts';

/** QEMU's run states that say something of the host's power; the others (paused, io-error, …) leave all states possible. */
const STATES: Readonly<Record<string, KnownPowerState>> = {
  running: 'S0',
  suspended: 'S3',
  shutdown: 'S5',
  prelaunch: 'S5',
};

const ANY: readonly KnownPowerState[] = ['S0', 'S3', 'S4', 'S5', 'G3'];

/** Events after which the run state may be another. */
const TELLING = new Set([
  'RESUME',
  'STOP',
  'RESET',
  'SHUTDOWN',
  'SUSPEND',
  'SUSPEND_DISK',
  'WAKEUP',
  'GUEST_PANICKED',
  'BLOCK_IO_ERROR',
]);

/** Between looks at a QEMU that says nothing. */
const LOOK = milliseconds(500);

export const isDown = (runState: string): boolean => ['S3', 'S5'].includes(STATES[runState] ?? 'unknown');

/** QEMU's run state, watched: by its events, and by looking where it tells none. */
export class RunState {
  readonly #qmp: Qmp;
  readonly #listeners = new Set<(runState: string) => void>();
  readonly #stops: readonly Stop[];
  #latest: string | undefined;
  #hibernated = false;
  /** Counts what was heard: a look that something overtook is made again. */
  #heard = 0;
  #looking = false;
  #again = false;

  constructor(qmp: Qmp, clock: Clock) {
    this.#qmp = qmp;
    this.#stops = [
      qmp.onEvent(({ event }) => {
        if (!TELLING.has(event)) return;
        if (event === 'SUSPEND_DISK') this.#hibernated = true;
        if (event === 'RESUME' || event === 'RESET') this.#hibernated = false;
        this.#look();
      }),
      qmp.onState(() => this.#look()),
      clock.every(LOOK, () => this.#look()),
    ];
  }

  /** The host hibernated (S4) and was not switched on since, as far as we saw. */
  get hibernated(): boolean {
    return this.#hibernated;
  }

  /** QEMU's word for it, or "gone" where there is no QEMU. Throws where it does not answer. */
  async read(signal?: AbortSignal): Promise<string> {
    if (this.#qmp.state === 'gone') return 'gone';
    const status = objectOf(await this.#qmp.execute('query-status', {}, signal))?.status;
    if (typeof status === 'string' && status.length <= 64) return status;
    throw new NsError('NS_QMP_PROTOCOL', 'QEMU told no run state', { family: 'peer' });
  }

  /** Called with what was seen at every look, also where it is the same as before; "mute" where QEMU does not answer. */
  onLook(listener: (runState: string) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #look(): void {
    this.#heard += 1;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    void this.#lookNow().finally(() => {
      this.#looking = false;
      if (!this.#again) return;
      this.#again = false;
      this.#look();
    });
  }

  async #lookNow(): Promise<void> {
    const heard = this.#heard;
    const seen = await this.read().catch(() => 'mute');
    if (heard !== this.#heard) return;
    this.#latest = seen;
    for (const listener of [...this.#listeners]) listener(seen);
  }

  get latest(): string | undefined {
    return this.#latest;
  }
}

/** What QEMU's monitor says of the host's power. */
export function qmpSource(runState: RunState): PowerSource {
  return {
    name: 'qmp',
    required: true,
    read: async (signal) => claimOf(await runState.read(signal), runState.hibernated),
    onChange: (listener) => {
      let before = runState.latest;
      return runState.onLook((now) => {
        if (now === before) return;
        before = now;
        listener();
      });
    },
  };
}

function claimOf(runState: string, hibernated: boolean): PowerClaim {
  const said = { 'run-state': runState, ...(hibernated ? { hibernated: 'yes' } : {}) };
  if (runState === 'gone') return { possible: ['G3'], said };
  const state = STATES[runState];
  if (state === undefined) return { possible: ANY, said };
  return { possible: [state === 'S5' && hibernated ? 'S4' : state], said };
}
