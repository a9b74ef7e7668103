import type { BootGuarded, SwitchPosition } from '../ports/index.ts';
import { DRIVE_SAYS, type DriveLockFact } from './drive-lock/drive-fact.ts';

/** How deep a machine is disabled, the outermost first. */
export const LOCK_LEVELS = ['power', 'boot', 'disk'] as const;
export type LockLevel = (typeof LOCK_LEVELS)[number];

/** "cannot": this board has nothing to hold it with. */
export type LevelInForce = 'yes' | 'partly' | 'no' | 'cannot';

export interface LevelReport {
  readonly level: LockLevel;
  readonly wanted: boolean;
  /** As read back, whatever is wanted. */
  readonly inForce: LevelInForce;
  /** What holds, and what does not. */
  readonly detail: string;
  /** Who gets past it even while it is in force. */
  readonly defeatedBy: string;
}

/** What was read back from the board. "unknown": it did not answer. */
export interface LockFacts {
  readonly canMask: boolean;
  readonly masked: boolean | 'unknown';
  /** The board can switch off a host that came on all the same. */
  readonly canSwitchOff: boolean;
  readonly hostRuns: boolean | 'unknown';
  readonly boot: BootGuarded | 'unknown' | 'cannot';
  readonly disks: readonly {
    readonly name: string;
    readonly position: SwitchPosition;
    readonly canHold: boolean;
    /** A chain of drives: held, it is silent (T7). */
    readonly chain: boolean;
    /** The drive's own lock; absent where none is wanted. */
    readonly own?: DriveLockFact;
  }[];
}

/** Levels of which something could be held, and is not. That the host runs is for LockGuard. */
export function slackLevels({ canMask, masked, boot, disks }: LockFacts): readonly LockLevel[] {
  const slack: Readonly<Record<LockLevel, boolean>> = {
    power: canMask && masked !== true,
    boot: boot !== 'cannot' && boot !== 'yes',
    disk: disks.some(({ canHold, position, own }) => (canHold && position !== 'held') || own === 'open'),
  };
  return LOCK_LEVELS.filter((level) => slack[level]);
}

type Judged = Pick<LevelReport, 'inForce' | 'detail'>;

/** Every level, with what of it holds. */
export function judgeLevels(wanted: boolean, facts: LockFacts): readonly LevelReport[] {
  const judged: Readonly<Record<LockLevel, Judged>> = {
    power: judgePower(facts),
    boot: judgeBoot(facts),
    disk: judgeDisk(facts),
  };
  return LOCK_LEVELS.map((level) => ({
    level,
    wanted,
    ...judged[level],
    defeatedBy:
      level === 'disk' && judged.disk.inForce === 'yes' && facts.disks.some(({ own }) => own !== undefined)
        ? DISK_ARMED_DEFEATED_BY
        : DEFEATED_BY[level],
  }));
}

/** With the drives' own locks, too. */
const DISK_ARMED_DEFEATED_BY =
  'drives taken out before their next power-on, power held meanwhile, and whoever knows a way into the firmware of a drive';

const DEFEATED_BY: Readonly<Record<LockLevel, string>> = {
  power: "a jumper at the host's own power supply or chipset, and power cut from the controller",
  boot: "a reset of the board's own BMC or CMOS, and whoever has an account there",
  disk: 'drives taken out and read elsewhere, and a cable around the switch',
};

function judgePower({ canMask, masked, canSwitchOff, hostRuns }: LockFacts): Judged {
  const mask = !canMask
    ? 'The power button of this board cannot be masked.'
    : masked === 'unknown'
      ? 'Whether the power button is masked could not be read.'
      : `The power button is ${masked ? '' : 'not '}masked.`;
  const guard = canSwitchOff
    ? 'A host that comes on is switched off.'
    : 'This board cannot switch a host off that comes on.';
  const runs =
    hostRuns === 'unknown'
      ? ' Whether the host runs could not be read.'
      : hostRuns
        ? ' The host runs now.'
        : '';
  const detail = `${mask} ${guard}${runs}`;
  if (!canMask && !canSwitchOff) return { inForce: 'cannot', detail };
  if (hostRuns === true) return { inForce: 'no', detail };
  if (masked === true) return { inForce: canSwitchOff && hostRuns === false ? 'yes' : 'partly', detail };
  return { inForce: canMask ? 'no' : 'partly', detail };
}

function judgeBoot({ boot }: LockFacts): Judged {
  switch (boot) {
    case 'cannot':
      return {
        inForce: 'cannot',
        detail: 'This board reaches no BMC that keeps what the host does when its mains come back.',
      };
    case 'unknown':
      return { inForce: 'no', detail: "The board's own BMC does not answer." };
    case 'yes':
      return {
        inForce: 'yes',
        detail: 'Mains that come back switch nothing on, and no boot device is chosen.',
      };
    case 'partly':
      return {
        inForce: 'partly',
        detail: 'Of the restore policy and the boot device one is cleared, the other is not.',
      };
    case 'no':
      return { inForce: 'no', detail: 'Mains that come back may switch the host on.' };
  }
}

const NO_ATA_LOCK = "No drive's own lock (ATA security) is used.";

function judgeDisk({ disks }: LockFacts): Judged {
  const held = disks.filter(({ position }) => position === 'held');
  const says = disks.map(({ name, position, canHold, chain }) => {
    if (position === 'held') return chain ? `${name} is held, its chain silent (T7)` : `${name} is held`;
    return canHold ? `${name} is not held (${position})` : `the switch of ${name} cannot hold`;
  });
  const owns = disks.flatMap(({ name, own }) => (own === undefined ? [] : [`${name} ${DRIVE_SAYS[own]}`]));
  const own = owns.length === 0 ? NO_ATA_LOCK : `The drives' own locks: ${enumerated(owns, OWN_TOLD)}.`;
  const detail = `${says.length === 0 ? 'There are no disks' : enumerated(says)}. ${own}`;
  const whole =
    held.length === disks.length && disks.every((disk) => disk.own === undefined || locks(disk.own));
  if (held.length > 0) return { inForce: whole ? 'yes' : 'partly', detail };
  if (disks.some((disk) => disk.own !== undefined && locks(disk.own))) return { inForce: 'partly', detail };
  return { inForce: disks.some(({ canHold }) => canHold) ? 'no' : 'cannot', detail };
}

/** A bay without a drive has nothing to read. */
const locks = (own: DriveLockFact): boolean => own === 'armed' || own === 'locked' || own === 'empty';

/** Disks that are told one by one; a machine with more has a status that lists them all. */
const TOLD = 8;
const OWN_TOLD = 6;

function enumerated(parts: readonly string[], most = TOLD): string {
  const more = parts.length > most ? [`${parts.length - most} more`] : [];
  return [...parts.slice(0, most), ...more].join(', ');
}
