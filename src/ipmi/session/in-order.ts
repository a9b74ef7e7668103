/**
 * Takes what comes in order, by session sequence numbers: what was overtaken is not taken any more, as if it were lost. For
 * payloads that are repeated until they are acknowledged, one at a time.
 */
export class InOrder {
  #latest: number | undefined;

  take(sequence: number): boolean {
    if (this.#latest !== undefined && ((sequence - this.#latest) | 0) <= 0) return false;
    this.#latest = sequence;
    return true;
  }
}
