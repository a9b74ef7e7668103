import { CSI, DSI } from '../registers/chain-registers.ts';
import { numberOfState } from '../registers-port/status-word.ts';
import type { SyncChange, SyncDrive, SyncNotice } from './record.ts';

/** What a unit's registers say of itself. */
export interface UnitFacts {
  /** Of the unit's own memory: raised by each power-on, and by each change of what it presents. */
  readonly epoch: number;
  readonly drive: SyncDrive | undefined;
  readonly dsi: number;
  readonly csi: number;
  /** Numbers of the PTTRSM state and of the fault's reason, as in the status register. */
  readonly state: number;
  readonly fault: number;
}

/** All of a unit's record that it knows by itself or of its neighbours. */
export interface OwnFacts extends UnitFacts {
  readonly position: number | undefined;
  readonly hearsBelow: boolean;
  readonly notices: readonly SyncNotice[];
}

const FAULT = numberOfState('T6');
const FAILED = DSI.encode({ failed: true });
const MEDIA_ERROR = DSI.encode({ mediaError: true });
const LOCKED = DSI.encode({ locked: true });
const DRIVE_SPEED = DSI.encode({ speed: 15 });
const UP = CSI.encode({ upPhy: true });
const BELOW = CSI.encode({ downPresent: true });
const DEGRADED = CSI.encode({ degraded: true });
const HELD = CSI.encode({ held: true });
const SPEEDS = CSI.encode({ speedUp: 15, speedDown: 15 });

/** The one word for what changed, the weightiest first; undefined where nothing did. */
export function changeBetween(before: OwnFacts | undefined, now: OwnFacts): SyncChange | undefined {
  if (before === undefined) return 'power-on';
  const rose = (word: 'dsi' | 'csi', mask: number): boolean => (now[word] & ~before[word] & mask) !== 0;
  const fell = (word: 'dsi' | 'csi', mask: number): boolean => (before[word] & ~now[word] & mask) !== 0;
  const entered = (state: number): boolean => now.state === state && before.state !== state;
  const left = (state: number): boolean => before.state === state && now.state !== state;
  const questions: readonly [boolean, SyncChange][] = [
    [now.state === FAULT && (before.state !== FAULT || now.fault !== before.fault), 'fault'],
    [rose('dsi', FAILED), 'drive-failed'],
    [now.drive === undefined && before.drive !== undefined, 'drive-gone'],
    [now.drive !== undefined && before.drive === undefined, 'drive-arrived'],
    [now.drive?.serial !== before.drive?.serial, 'drive-exchanged'],
    [rose('dsi', MEDIA_ERROR), 'media-error'],
    [rose('csi', HELD), 'held'],
    [rose('csi', DEGRADED), 'degraded'],
    [entered(numberOfState('T7')) || rose('dsi', LOCKED), 'disabled'],
    [left(numberOfState('T7')) || fell('dsi', LOCKED), 'enabled'],
    [entered(numberOfState('T8')), 'owned'],
    [left(numberOfState('T8')), 'handed-back'],
    [fell('csi', DEGRADED), 'whole'],
    [now.drive?.sectors !== before.drive?.sectors, 'capacity'],
    [(fell('csi', BELOW) && now.csi !== before.csi) || (!now.hearsBelow && before.hearsBelow), 'below-gone'],
    [rose('csi', BELOW) || (now.hearsBelow && !before.hearsBelow), 'below-arrived'],
    [rose('csi', UP), 'link-up'],
    [fell('csi', UP), 'link-down'],
    [((now.csi ^ before.csi) & SPEEDS) !== 0 || ((now.dsi ^ before.dsi) & DRIVE_SPEED) !== 0, 'speed'],
    [now.position !== before.position, 'position'],
    [now.state !== before.state, 'state'],
    [now.notices.join() !== before.notices.join(), 'notice'],
    [now.dsi !== before.dsi || now.csi !== before.csi || now.epoch !== before.epoch, 'registers'],
    [JSON.stringify(now.drive) !== JSON.stringify(before.drive), 'drive-exchanged'],
  ];
  return questions.find(([is]) => is)?.[1];
}
