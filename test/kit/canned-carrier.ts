import { fromHex, NsError } from '../../src/base/index.ts';
import type { Carrier } from '../../src/ipmi/index.ts';

export type CannedQuestion = Parameters<Carrier['carry']>[0];
/** Completion code and data; a string is data in hexadecimal, spaces allowed, under the code 0. */
export type CannedAnswer = string | readonly [completion: number, data: Uint8Array];

export const hex = (text: string): Uint8Array => fromHex(text.replace(/\s/g, ''));

/** A BMC that says what it was told to, and remembers what it was asked. */
export class CannedCarrier implements Carrier {
  readonly asked: CannedQuestion[] = [];
  readonly #answer: (question: CannedQuestion, count: number) => CannedAnswer;

  constructor(answer: (question: CannedQuestion, count: number) => CannedAnswer) {
    this.#answer = answer;
  }

  async carry(question: CannedQuestion, signal: AbortSignal) {
    signal.throwIfAborted();
    this.asked.push(question);
    if (this.asked.length > 20_000) throw new NsError('NS_INTERNAL', 'asked without end');
    const answer = this.#answer(question, this.asked.length);
    return typeof answer === 'string'
      ? { completion: 0, data: hex(answer) }
      : { completion: answer[0], data: answer[1] };
  }
}
