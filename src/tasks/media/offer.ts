import { allow, equalBytes, refuse, type Verdict } from '../../base/index.ts';
import type { Order, ResultOf } from '../../protocol/index.ts';
import { stage } from '../file/staging.ts';
import type { TaskContext } from '../task.ts';
import type { MediaDesk } from './media-desk.ts';
import { MEDIA } from './media-record.ts';

const SECTOR = 512;

export const isOf = (media: MediaDesk, order: Uint8Array): boolean =>
  media.offer !== undefined && equalBytes(media.offer.order, order);

/** Judged before a byte is asked for, and the host looked at again before it is shown. */
export async function offer(
  { args }: Order<'media.offer'>,
  context: TaskContext,
  media: MediaDesk,
): Promise<Verdict<ResultOf<'media.offer'>>> {
  const { size, sha256 } = args;
  const { services, id } = context;
  if (services.byNeighbour?.(id) === true) return refuse('FILES_NEED_NETWORK');
  if (size === 0 || size % SECTOR !== 0)
    return refuse('VALUE_OUT_OF_RANGE', `An image has whole sectors of ${SECTOR} bytes, not ${size} bytes.`);
  if (size > services.limits.stagedFile)
    return refuse(
      'FILE_TOO_LARGE',
      `The image has ${size} bytes; this device stages ${services.limits.stagedFile} at most.`,
    );
  const early = await hostIsDown(context);
  if (!early.ok) return early;
  if (args.dryRun === true) return allow({ size, sha256, dryRun: true });
  const release = await context.claim(MEDIA, 'write');
  try {
    // Its room is needed, and two offers at a time would leave open which the host starts from.
    const names = media.namesOf(sha256);
    await media.withdraw(names);
    const content = await stage(context, size, sha256, names);
    if (!content.ok) return content;
    await content.value.data.close();
    return await context.effect({ order: id }, async () => {
      const down = await hostIsDown(context);
      if (!down.ok) return down;
      await media.give({ order: id, size, sha256, started: false });
      return allow({ size, sha256, dryRun: false });
    });
  } finally {
    release();
  }
}

async function hostIsDown({ services: { power }, signal }: TaskContext): Promise<Verdict<void>> {
  const { state, certain } = await power.read(signal);
  if (!certain) return refuse('HOST_STATE_UNKNOWN');
  switch (state) {
    case 'S5':
    case 'G3':
      return allow(undefined);
    case 'S0':
      return refuse('HOST_AWAKE', 'The host is on (S0): a disk would be plugged into a running system.');
    case 'S3':
      return refuse('HOST_SUSPENDED', 'The host is suspended (S3), and would not start anew.');
    case 'S4':
      return refuse('HOST_HIBERNATED', 'The host is hibernated (S4), and would go on where it was.');
    case 'unknown':
      return refuse('HOST_STATE_UNKNOWN');
  }
}
