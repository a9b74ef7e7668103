import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { HibernationEvidence, VolumeProbe } from './volume-probe.ts';

/** What an order wants of a volume, and what it allows. */
export type VolumeWant =
  | {
      readonly want: 'read';
      /** Stale data will do. */
      readonly staleOk: boolean;
    }
  | {
      readonly want: 'write';
      /** A dirty journal may be replayed first. */
      readonly replay: boolean;
    };

export interface VolumePermit {
  /** The host could hold newer contents than the disk. */
  readonly stale: boolean;
  /**
   * The journal holds changes. Before writing it must be replayed on the overlay; a reader reads over such an overlay,
   * or marks its answer stale and adds JOURNAL_NOT_REPLAYED to the notes.
   */
  readonly needsReplay: boolean;
  readonly notes: readonly string[];
}

export const JOURNAL_NOT_REPLAYED = 'the journal was not replayed';

const describe = ({ volume, what }: HibernationEvidence): string => `${volume} holds ${what}`;

function judgeRead(
  volume: VolumeProbe,
  hibernation: readonly HibernationEvidence[],
  staleOk: boolean,
): Verdict<VolumePermit> {
  if (volume.readRefusal !== undefined) return { ok: false, refusal: volume.readRefusal };
  const signs = hibernation.filter(({ finding }) => finding !== 'hidden');
  const asleep = signs.find(({ finding }) => finding === 'hibernated');
  if (asleep !== undefined && !staleOk) {
    return refuse(
      'VOLUME_HIBERNATED',
      `${describe(asleep)}: the files on the disk may be out of date.`,
      'Wake the host and shut it down fully; to read all the same, allow stale data with --stale-ok.',
    );
  }
  const needsReplay = volume.journal === 'dirty';
  const notes = [...volume.notes, ...signs.map(describe)];
  if (volume.journal === 'dirty-external') notes.push(JOURNAL_NOT_REPLAYED);
  return allow({ stale: signs.length > 0 || volume.journal === 'dirty-external', needsReplay, notes });
}

function judgeWrite(
  volume: VolumeProbe,
  hibernation: readonly HibernationEvidence[],
  replay: boolean,
): Verdict<VolumePermit> {
  if (volume.readRefusal !== undefined) return { ok: false, refusal: volume.readRefusal };
  const asleep =
    hibernation.find(({ finding }) => finding === 'hibernated') ??
    hibernation.find(({ finding }) => finding === 'unknown');
  if (asleep !== undefined) {
    return refuse('VOLUME_HIBERNATED', `${describe(asleep)}, so no volume of this host may be written.`);
  }
  const [first] = volume.writeRefusals;
  if (first !== undefined) return { ok: false, refusal: first };
  if (volume.journal === 'dirty-external') {
    return refuse('VOLUME_DIRTY', 'The filesystem was not unmounted and its journal is on another device.');
  }
  if (volume.journal !== 'dirty') return allow({ stale: false, needsReplay: false, notes: volume.notes });
  if (!replay) {
    return refuse(
      'VOLUME_DIRTY',
      undefined,
      'Boot the host and shut it down cleanly, or allow the journal to be replayed with --replay.',
    );
  }
  // A mounted filesystem on a host whose memory may be asleep in a place that cannot be looked into.
  const hidden = hibernation.find(({ finding }) => finding === 'hidden');
  if (hidden !== undefined) {
    return refuse(
      'VOLUME_HIBERNATED',
      `The filesystem was not unmounted, and ${describe(hidden)}; its journal may not be replayed.`,
    );
  }
  return allow({ stale: false, needsReplay: true, notes: volume.notes });
}

/**
 * May this volume be read or written, as far as the disks tell? The host's power state is judged elsewhere and may
 * refuse more. `hibernation`: the evidence from every disk of the host.
 */
export function judgeVolume(
  volume: VolumeProbe,
  hibernation: readonly HibernationEvidence[],
  want: VolumeWant,
): Verdict<VolumePermit> {
  return want.want === 'read'
    ? judgeRead(volume, hibernation, want.staleOk)
    : judgeWrite(volume, hibernation, want.replay);
}
