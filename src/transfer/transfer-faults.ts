import { type Duration, formatDuration, NsError } from '../base/index.ts';

export function stalled(noProgress: Duration, cause: unknown): NsError {
  return new NsError(
    'NS_TRANSFER_STALLED',
    `the transfer made no progress for ${formatDuration(noProgress)}`,
    {
      retryable: true,
      cause,
    },
  );
}

export function stopped(why: string): NsError {
  return new NsError('NS_TRANSFER_STOPPED', `the other end stopped the transfer: ${JSON.stringify(why)}`, {
    family: 'peer',
    retryable: true,
  });
}

/** Where a transfer stands. Bytes; `done` reaches `total` only when the whole is verified. */
export interface TransferProgress {
  readonly done: number;
  readonly total: number;
}

/** Never whole before it is certain. */
export const unverified = (done: number, total: number): TransferProgress => ({
  done: Math.max(0, Math.min(done, total - 1)),
  total,
});
