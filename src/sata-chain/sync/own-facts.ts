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

/** Bits of DSI, CSI and the status word by which a change is named. */
export interface WatchedBits {
  readonly dsi: {
    readonly failed: number;
    readonly mediaError: number;
    readonly locked: number;
    readonly speed: number;
  };
  readonly csi: {
    readonly upPhy: number;
    readonly below: number;
    readonly degraded: number;
    readonly held: number;
    readonly speed: number;
  };
  readonly states: { readonly fault: number; readonly disabled: number; readonly owned: number };
}

/** The one word for what changed, the weightiest first; undefined where nothing did. */
export function changeBetween(
  before: OwnFacts | undefined,
  now: OwnFacts,
  bits: WatchedBits,
): SyncChange | undefined {
  if (before === undefined) return 'power-on';
  const rose = (word: 'dsi' | 'csi', mask: number): boolean => (now[word] & ~before[word] & mask) !== 0;
  const fell = (word: 'dsi' | 'csi', mask: number): boolean => (before[word] & ~now[word] & mask) !== 0;
  const entered = (state: number): boolean => now.state === state && before.state !== state;
  const left = (state: number): boolean => before.state === state && now.state !== state;
  const questions: readonly [boolean, SyncChange][] = [
    [entered(bits.states.fault) || (now.fault !== before.fault && now.fault !== 0), 'fault'],
    [rose('dsi', bits.dsi.failed), 'drive-failed'],
    [now.drive === undefined && before.drive !== undefined, 'drive-gone'],
    [now.drive !== undefined && before.drive === undefined, 'drive-arrived'],
    [now.drive?.serial !== before.drive?.serial, 'drive-exchanged'],
    [rose('dsi', bits.dsi.mediaError), 'media-error'],
    [rose('csi', bits.csi.held), 'held'],
    [rose('csi', bits.csi.degraded), 'degraded'],
    [entered(bits.states.disabled) || rose('dsi', bits.dsi.locked), 'disabled'],
    [left(bits.states.disabled) || fell('dsi', bits.dsi.locked), 'enabled'],
    [entered(bits.states.owned), 'owned'],
    [left(bits.states.owned), 'handed-back'],
    [fell('csi', bits.csi.degraded), 'whole'],
    [now.drive?.sectors !== before.drive?.sectors, 'capacity'],
    [
      (fell('csi', bits.csi.below) && now.csi !== before.csi) || (!now.hearsBelow && before.hearsBelow),
      'below-gone',
    ],
    [rose('csi', bits.csi.below) || (now.hearsBelow && !before.hearsBelow), 'below-arrived'],
    [rose('csi', bits.csi.upPhy), 'link-up'],
    [fell('csi', bits.csi.upPhy), 'link-down'],
    [
      ((now.csi ^ before.csi) & bits.csi.speed) !== 0 || ((now.dsi ^ before.dsi) & bits.dsi.speed) !== 0,
      'speed',
    ],
    [now.position !== before.position, 'position'],
    [now.state !== before.state, 'state'],
    [now.notices.join() !== before.notices.join(), 'notice'],
    [now.dsi !== before.dsi || now.csi !== before.csi || now.epoch !== before.epoch, 'registers'],
    [JSON.stringify(now.drive) !== JSON.stringify(before.drive), 'drive-exchanged'],
  ];
  return questions.find(([is]) => is)?.[1];
}
