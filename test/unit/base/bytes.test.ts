import t from 'tap';
import { ByteView } from '../../../src/base/index.ts';

const view = new ByteView(Uint8Array.of(1, 2, 3, 4), 'a field');
const short = { code: 'NS_BYTES_SHORT', family: 'peer' };

void t.test('a piece of bytes is exactly the one asked for, or an error', async (t) => {
  t.same(view.slice(1, 2), Uint8Array.of(2, 3));
  t.same(view.slice(4, 0), new Uint8Array(0));
  t.throws(() => view.slice(3, 2), short);
  t.throws(() => view.slice(-1, 2), short);
});

void t.test('a length that a decoder reckoned below zero is an error, and no other piece', async (t) => {
  t.throws(() => view.slice(4, -1), short);
  t.throws(() => view.slice(3, -3), short);
  t.throws(() => view.ascii(2, -1), short);
  t.throws(() => view.slice(Number.NaN, 1), short);
  t.throws(() => view.slice(0, Number.NaN), short);
});
