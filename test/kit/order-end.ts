import { equalBytes } from '../../src/base/index.ts';
import type { Receipt } from '../../src/protocol/index.ts';

/** "succeeded", or another end with its code and sentence. */
export function endIn(receipt: Receipt | undefined): string {
  if (receipt === undefined) return 'no answer';
  const { code = '', sentence = '' } = receipt.refusal ?? receipt.failure ?? {};
  return `${receipt.outcome} ${code} ${sentence}`.trim();
}

/** "as ordered", or how many bytes of a file are others than were ordered, and where. */
export function whatDiffers(there: Uint8Array, wanted: Uint8Array): string {
  if (equalBytes(there, wanted)) return 'as ordered';
  const wrong = [...wanted.keys()].filter((at) => there[at] !== wanted[at]);
  const where = wrong.length === 0 ? '' : `, from ${wrong[0]} to ${wrong.at(-1)}`;
  return `${there.byteLength} bytes of ${wanted.byteLength}, ${wrong.length} of them wrong or missing${where}`;
}
