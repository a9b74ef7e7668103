/** Where a field lies: one bit, or [highest, lowest] bit. */
export type BitField = number | readonly [high: number, low: number];

/** One bit is a boolean, more are a whole number. */
export type FieldValues<F extends Readonly<Record<string, BitField>>> = {
  readonly [K in keyof F]: F[K] extends number ? boolean : number;
};

/** A 32-bit register with named fields. Bits in no field read as 0 and are written as 0. */
export interface Register<F extends Readonly<Record<string, BitField>>> {
  readonly fields: F;
  /** Fields left out are 0. Throws RangeError where a value does not fit its field: a fault of the caller. */
  encode(values: Partial<FieldValues<F>>): number;
  decode(word: number): FieldValues<F>;
}

export function register<const F extends Readonly<Record<string, BitField>>>(fields: F): Register<F> {
  const places = Object.entries<BitField>(fields).map(([name, place]) => {
    const [high, low] = typeof place === 'number' ? [place, place] : place;
    return { name, low, largest: 2 ** (high - low + 1) - 1, flag: typeof place === 'number' };
  });
  return {
    fields,
    encode(values) {
      let word = 0;
      for (const { name, low, largest } of places) {
        const value = Number(values[name as keyof F] ?? 0);
        if (!Number.isInteger(value) || value < 0 || value > largest) {
          throw new RangeError(`${name} cannot hold ${value}`);
        }
        word += value * 2 ** low;
      }
      return word;
    },
    decode(word) {
      const values: Record<string, number | boolean> = {};
      for (const { name, low, largest, flag } of places) {
        const value = Math.floor(word / 2 ** low) % (largest + 1);
        values[name] = flag ? value === 1 : value;
      }
      return values as FieldValues<F>;
    },
  };
}
