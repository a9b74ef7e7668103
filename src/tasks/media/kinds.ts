import { allow, hours, minutes, refuse } from '../../base/index.ts';
import type { TaskKind } from '../task.ts';
import type { MediaDesk } from './media-desk.ts';
import { MEDIA } from './media-record.ts';

const absent = () => refuse('NOT_SUPPORTED', 'This board cannot show its host a disk of its own.');

/** Fetches the image and shows it to a host that is down, for its next start. An offer before it is taken back first. */
export const mediaOffer: TaskKind<'media.offer'> = {
  verb: 'media.offer',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: hours(24),
  noProgress: minutes(5),
  async run(order, context) {
    const { media } = context.services;
    return media === undefined ? absent() : (await import('./offer.ts')).offer(order, context, media);
  },
  fateOf: MEDIA,
  async fate({ order }, { media }) {
    if (!(order instanceof Uint8Array) || media === undefined) return 'unknown';
    return (await import('./offer.ts')).isOf(media, order) ? 'done' : 'absent';
  },
  async resultOf({ args: { size, sha256 } }) {
    return { size, sha256, dryRun: false };
  },
};

export const mediaWithdraw: TaskKind<'media.withdraw'> = {
  verb: 'media.withdraw',
  pace: 'queued',
  pure: false,
  whileDisabled: true,
  deadline: minutes(5),
  noProgress: minutes(5),
  async run({ args }, context) {
    const { media } = context.services;
    if (media === undefined) return absent();
    const dryRun = args.dryRun === true;
    const release = await context.claim(MEDIA, 'write');
    const act = async () => {
      const { offer } = media;
      const note = offer && { ...offer, shown: await shownNow(media) };
      if (!dryRun) await media.withdraw();
      return allow({ ...(note === undefined ? {} : { offer: note }), dryRun });
    };
    try {
      return dryRun ? await act() : await context.effect({}, act);
    } finally {
      release();
    }
  },
  fateOf: MEDIA,
  fate: async (_facts, { media }) =>
    media === undefined ? 'unknown' : media.offer === undefined ? 'done' : 'absent',
  resultOf: async () => ({ dryRun: false }),
};

/** What cannot be told is not shown for sure: it is said to be. */
const shownNow = (media: MediaDesk): Promise<boolean> => media.isShown().catch(() => true);
