/** A list of 32-bit integers that grows without a boxed value for each. */
export class GrowingInts {
  #ints = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#ints.length) {
      const wider = new Int32Array(this.#ints.length * 2);
      wider.set(this.#ints);
      this.#ints = wider;
    }
    this.#ints[this.length] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.#ints[index]!;
  }
}
