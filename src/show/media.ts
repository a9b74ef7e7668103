import { toHex } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { sized } from './text.ts';

export function showOffer({ size, sha256, dryRun }: ResultOf<'media.offer'>): string[] {
  return [
    `${dryRun ? 'would offer' : 'offers'} an image of ${sized(size)}, read-only, for the next start of the host`,
    `sha256: ${toHex(sha256)}`,
  ];
}

export function showWithdrawn({ offer, dryRun }: ResultOf<'media.withdraw'>): string[] {
  if (offer === undefined) return ['no image is offered'];
  const { order, size, sha256, started, shown } = offer;
  const seen = started
    ? 'the host is up with it'
    : shown
      ? 'the host finds it at its next start'
      : 'NOT SHOWN';
  return [
    `${dryRun ? 'offered' : 'taken away'}: an image of ${sized(size)}${dryRun ? `: ${seen}` : ''}`,
    `sha256: ${toHex(sha256)}`,
    `by order ${toHex(order)}`,
  ];
}
