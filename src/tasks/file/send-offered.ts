import { minutes } from '../../base/index.ts';
import { CHUNK_BYTES, type Offer } from '../../protocol/index.ts';
import { type SendOptions, sendFile } from '../../transfer/index.ts';
import type { TaskContext } from '../task.ts';

/** What is sent to the fleet: how its offer tells it from what it was at another time, and its bytes. */
export type Offered = Pick<Offer, 'size' | 'inode' | 'mtime'> & Pick<SendOptions, 'read' | 'zeros'>;

/** Offers bytes to whoever ordered them and sends what is asked for. The hash is of the whole, as it was read. */
export function sendOffered(
  context: TaskContext,
  { size, inode, mtime, read, zeros }: Offered,
  signal: AbortSignal,
): Promise<{ readonly sha256: Uint8Array }> {
  context.offer({ size, chunk: CHUNK_BYTES, inode, mtime });
  const { blocks, clock } = context.services;
  return sendFile({
    id: context.id,
    size,
    chunk: CHUNK_BYTES,
    read,
    zeros,
    port: blocks,
    clock,
    signal,
    noProgress: minutes(1),
    onProgress: ({ done, total }) => context.progress('sending', done, total, 'bytes'),
  });
}
