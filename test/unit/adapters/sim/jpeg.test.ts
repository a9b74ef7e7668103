import fc from 'fast-check';
import t from 'tap';
import { greyJpeg } from '../../../../src/adapters/sim/jpeg.ts';

/** The mean of each block, decoded by T.81 from the file alone: one component, blocks with a DC coefficient only. */
function decode(jpeg: Uint8Array): { width: number; height: number; means: number[] } {
  const segments = new Map<number, Uint8Array[]>();
  let at = 2;
  for (;;) {
    const marker = jpeg[at + 1]!;
    const length = jpeg[at + 2]! * 256 + jpeg[at + 3]!;
    segments.set(marker, [...(segments.get(marker) ?? []), jpeg.subarray(at + 4, at + 2 + length)]);
    at += 2 + length;
    if (marker === 0xda) break;
  }
  const [frame, quantiser] = [segments.get(0xc0)![0]!, segments.get(0xdb)![0]![1]!];
  const height = frame[1]! * 256 + frame[2]!;
  const width = frame[3]! * 256 + frame[4]!;
  const scan = [...jpeg.subarray(at, -2)].filter((byte, i, all) => !(byte === 0 && all[i - 1] === 0xff));
  let bit = 0;
  const bits = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i += 1, bit += 1)
      value = value * 2 + ((scan[bit >> 3]! >> (7 - (bit & 7))) & 1);
    return value;
  };
  const symbol = (table: Uint8Array) => {
    let code = 0;
    let first = 0;
    let index = 17;
    for (let length = 1; length <= 16; length += 1) {
      code = code * 2 + bits(1);
      const count = table[length]!;
      if (code - first < count) return table[index + code - first]!;
      index += count;
      first = (first + count) * 2;
    }
    throw new Error('no such code');
  };
  const [dc, ac] = segments.get(0xc4)!;
  const means: number[] = [];
  let previous = 0;
  for (let block = 0; block < (width / 8) * (height / 8); block += 1) {
    const size = symbol(dc!);
    const value = bits(size);
    previous += size > 0 && value < 2 ** (size - 1) ? value - 2 ** size + 1 : value;
    if (symbol(ac!) !== 0) throw new Error('a coefficient where none was expected');
    means.push((previous * quantiser) / 8 + 128);
  }
  return { width, height, means };
}

await t.test('the picture that comes out is the one that went in', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 12, maxLength: 12 }), (grey) => {
      const { width, height, means } = decode(greyJpeg(4, 3, (x, y) => grey[y * 4 + x]!));
      t.same([width, height], [32, 24]);
      t.same(means, grey);
    }),
  );
});
