/** Small numbers for values, by their text: equal text, equal number. At most 65,536, so that one fits a character. */
export class Interner<T> {
  readonly #ids = new Map<string, number>();
  readonly #values: T[] = [];
  readonly #textOf: (value: T) => string;

  constructor(textOf: (value: T) => string) {
    this.#textOf = textOf;
  }

  idOf(value: T): number {
    const text = this.#textOf(value);
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#values.length;
    if (id > 0xffff) throw new RangeError('more values than a character can name');
    this.#ids.set(text, id);
    this.#values.push(value);
    return id;
  }

  at(id: number): T {
    return this.#values[id]!;
  }

  get size(): number {
    return this.#values.length;
  }
}
