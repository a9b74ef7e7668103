import { asNsError, days } from '../../base/index.ts';
import { AbsenceLock, type AbsenceLockOptions, type AbsenceNews, WARNINGS } from '../../bmc/index.ts';
import type { LogSink } from '../../ports/index.ts';
import { authorise, foldPerson, isLasting, type KeyringView } from '../../security/index.ts';
import { type AdmittedOrder, stopReasons, type TaskDesk, type TaskTable } from '../../tasks/index.ts';
import { note } from './bmc-audit.ts';
import type { Machine } from './machine.ts';

export interface DeviceAbsenceOptions {
  /** Days of the device's own running time. */
  readonly config: { readonly days: number };
  readonly machine: Pick<Machine, 'lockout' | 'clock' | 'audit'> & Pick<AbsenceLockOptions, 'store'>;
  readonly keyring: KeyringView;
  readonly tasks: Pick<TaskTable, 'stopWorking'>;
  readonly log: LogSink;
}

export interface DeviceAbsence {
  /** The same desk, with an ear for orders that show that an owner is there. */
  hearing(desk: TaskDesk): TaskDesk;
  /** What a status has to say of it; nothing while there is much time left. */
  limits(): readonly string[];
  stop(): Promise<void>;
}

const DAY = days(1);
/** No task is spared. */
const NO_TASK = new Uint8Array();

/**
 * Whether an order shows that its owner is there now. Whoever holds the broker can keep orders back and dribble them out, and
 * set a clock: only an order that quotes a nonce of this boot cannot be older than its maxAge, a day at most. What lasts
 * is obeyed at any age, and shows nothing.
 */
const showsOwner = ({ order }: Pick<AdmittedOrder, 'order'>): boolean =>
  order.nonce !== undefined && !isLasting(order);

/** Whether two people are enrolled who may enable. No clock is asked: whoever sets one must not keep the lock from lapsing. */
function isReleasable({ current }: KeyringView): boolean {
  const officers = current
    .entries()
    .filter(({ role }) => authorise(role, { verb: 'machine.enable' }, { via: 'console' }).ok);
  return new Set(officers.map(({ person }) => foldPerson(person))).size >= 2;
}

/** Disables the machine where its owners are silent for long; counts from now on. */
export async function openDeviceAbsence(options: DeviceAbsenceOptions): Promise<DeviceAbsence> {
  const { config, machine, keyring, tasks, log } = options;
  const limit = days(config.days);
  const reason = `Absence lock: no fresh order of anybody for ${config.days} days of running time.`;
  const tell = (level: 'info' | 'warn' | 'error', event: string, detail: string): void => {
    log.log(level, event, { detail });
    note(machine, log, { event, detail });
  };
  const left = (): string => `${((limit - lock.record.ran) / DAY).toFixed(1)} days of running time are left`;
  const onNews = (news: AbsenceNews): void => {
    switch (news.is) {
      case 'warning':
        tell('warn', 'absence.warning', `${news.percent} % of ${config.days} days; ${left()}`);
        return;
      case 'heard':
        tell('info', 'absence.heard', `after a warning; ${config.days} days begin anew`);
        return;
      case 'damaged':
        tell('error', 'absence.damaged', `the count is lost; ${config.days} days begin anew`);
        return;
      case 'kept':
        tell(
          'error',
          'absence.kept',
          `${config.days} days are over, and the keyring has no two people who could enable again`,
        );
        return;
      case 'lapsed':
        tasks.stopWorking(stopReasons.disabled(), NO_TASK);
        tell('error', 'absence.lapsed', `disabled after ${config.days} days of running time`);
        return;
    }
  };
  const lock = new AbsenceLock({
    ...machine,
    log,
    limit,
    reason,
    releasable: () => isReleasable(keyring),
    onNews,
  });
  await lock.start();
  log.log('warn', 'absence.on', { days: config.days, left: left() });
  return {
    hearing: (desk) => ({
      submit: async (admitted) => {
        const submission = await desk.submit(admitted);
        if (submission.is === 'accepted' && showsOwner(admitted)) {
          lock.heard().catch((error: unknown) => {
            log.log('error', 'absence.failed', { error: asNsError(error).message });
          });
        }
        return submission;
      },
      onEvent: (listener) => desk.onEvent(listener),
      untold: () => desk.untold(),
      told: (id) => desk.told(id),
    }),
    limits: () =>
      lock.record.warned < WARNINGS[0]
        ? []
        : [`No fresh order was heard for long: ${left()}, and then this machine disables itself.`],
    stop: () => lock.stop(),
  };
}
