import { hours, refuse, seconds, type Verdict } from '../../base/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import type { TaskKind } from '../task.ts';

/**
 * A disk or volume of a host that is down, as it is on the medium: also what cannot be read as files here. It is sent as
 * a file is, and what is zeros is not sent. What does it is loaded by the first such order.
 */
export const volumeUpload: TaskKind<'volume.upload'> = {
  verb: 'volume.upload',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: hours(24),
  noProgress: seconds(90),
  async run(order, context): Promise<Verdict<ResultOf<'volume.upload'>>> {
    if (context.services.byNeighbour?.() === true) return refuse('FILES_NEED_NETWORK');
    const { sendImage } = await import('./send-image.ts');
    return sendImage(order, context);
  },
};
