import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { deviceFolder, ReceiptFolder, receiptFiles } from '../../../src/adapters/receipt-folder.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-receipts-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
const root = join(home, 'state', 'receipts');
const folder = await ReceiptFolder.open(root);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const found = async (path: string, most = 1000): Promise<{ path: string; text: string | undefined }[]> => {
  const files: { path: string; text: string | undefined }[] = [];
  for await (const { path: at, bytes } of receiptFiles([path], most))
    files.push({ path: at, text: bytes === undefined ? undefined : Buffer.from(bytes).toString() });
  return files;
};

await t.test('each receipt is a file of its own, for its owner only, found again in order', async (t) => {
  for (const seq of [1001, 2, 1])
    await folder.keep({ tenant: 'acme', device: 'rack1', seq }, bytesOf(`r${seq}`));
  await folder.keep({ tenant: 'acme', device: 'rack2', seq: 1 }, bytesOf('other'));
  const files = await found(deviceFolder(root, 'acme', 'rack1'));
  t.same(
    files.map(({ text }) => text),
    ['r1', 'r2', 'r1001'],
  );
  for (const { path } of files) {
    t.equal(statSync(path).mode & 0o777, 0o600);
    t.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  }
  t.same(
    readdirSync(deviceFolder(root, 'acme', 'rack1')),
    ['00000000', '00000001'],
    'a thousand numbers a directory',
  );
  t.equal((await found(root)).length, 4);
});

await t.test('the same receipt again is the same file; another of that number lies beside it', async (t) => {
  const key = { tenant: 'acme', device: 'rack3', seq: 7 };
  await folder.keep(key, bytesOf('one'));
  await folder.keep(key, bytesOf('one'));
  t.equal((await found(deviceFolder(root, 'acme', 'rack3'))).length, 1);
  await folder.keep(key, bytesOf('two'));
  t.same(
    new Set((await found(deviceFolder(root, 'acme', 'rack3'))).map(({ text }) => text)),
    new Set(['one', 'two']),
  );
});

await t.test('what is no receipt file, too large or a link is not read for one', async (t) => {
  const directory = join(deviceFolder(root, 'acme', 'rack2'), '00000000');
  writeFileSync(join(directory, 'notes.txt'), 'x');
  writeFileSync(join(directory, '00000000009-0.receipt.abc.new'), 'cut off');
  symlinkSync('/etc/passwd', join(directory, '00000000008-0.receipt'));
  const [only, ...more] = await found(deviceFolder(root, 'acme', 'rack2'));
  t.same(more, []);
  t.equal(only?.text, 'other');
  t.equal(readFileSync(only!.path, 'utf8'), 'other');
  t.equal((await found(only!.path, 3))[0]?.text, undefined, 'larger than any receipt');
  t.equal(
    (await found(join(directory, 'notes.txt')))[0]?.text,
    'x',
    'a file that is named is read whatever it is called',
  );
});

await t.test('a folder that cannot be written is known before anything is ordered', async (t) => {
  writeFileSync(join(home, 'file'), '');
  await t.rejects(ReceiptFolder.open(join(home, 'file', 'receipts')), { code: 'NS_RECEIPTS' });
  await t.rejects(found(join(home, 'nowhere')), { code: 'NS_RECEIPTS' });
});
