import t from 'tap';
import { BLANK_RECORD, BootBook, beginTrial, confirm, writeBootRecord } from '../../../src/firmware/index.ts';
import type { FlashRange } from '../../../src/ports/index.ts';

const firmware = { version: '1.0.0', rollback: 1, size: 10, sha256: 'ab'.repeat(32) };
const made = beginTrial(BLANK_RECORD, 'a', firmware);

/** A copy whose erase waits until it is let go. */
function copy(content?: Uint8Array): FlashRange & { holdErase: Promise<void> } {
  const bytes = new Uint8Array(4096).fill(0xff);
  if (content !== undefined) bytes.set(content);
  return {
    size: 4096,
    eraseSize: 4096,
    holdErase: Promise.resolve(),
    async erase() {
      bytes.fill(0xff);
      await this.holdErase;
    },
    async write(offset, data) {
      bytes.set(data, offset);
    },
    async read(offset, into) {
      into.set(bytes.subarray(offset, offset + into.byteLength));
    },
    async flush() {},
  };
}

await t.test('a look in the middle of a change waits for it', async (t) => {
  const copies = [copy(writeBootRecord(made)), copy()] as const;
  const book = await BootBook.open(copies);
  let go = (): void => {};
  copies[1].holdErase = new Promise((resolve) => {
    go = resolve;
  });
  const changing = book.change((record) => confirm(record, 'a'));
  const looking = book.reread();
  setImmediate(go);
  await changing;
  t.match(await looking, { slots: { a: { is: 'good' } } });
  await book.change((record) => beginTrial(record, 'b', firmware));
  const { record } = await BootBook.open(copies);
  t.match(record, { counter: made.counter + 2, slots: { a: { is: 'good' }, b: { is: 'trying' } } });
});

await t.test('a look that fails keeps no change from being made', async (t) => {
  const copies = [copy(writeBootRecord(made)), copy()] as const;
  const whole = copy(writeBootRecord(made));
  const book = await BootBook.open(copies);
  const read: FlashRange['read'] = (...args) => whole.read(...args);
  copies[0].read = () => Promise.reject(new Error('the flash is silent'));
  await t.rejects(book.reread(), /silent/);
  copies[0].read = read;
  t.match(await book.change((record) => confirm(record, 'a')), { slots: { a: { is: 'good' } } });
});
