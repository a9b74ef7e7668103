import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { localSink, openLocalFile, placeFor } from '../../../src/adapters/operator-files.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-files-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
const signal = new AbortController().signal;
const map = new Uint8Array([1, 2, 3]);

await t.test('a part goes on where it was, for the same contents only', async (t) => {
  const path = join(home, 'a', 'log');
  const sink = localSink(path, { replace: false });
  const first = await sink.open('k1', 8);
  t.equal(first.map, undefined);
  await first.write(0, new Uint8Array([9, 9, 9, 9]));
  await first.flush();
  await first.saveMap(map);
  await first.keep();

  const second = await sink.open('k1', 8);
  t.same(second.map, map);
  const into = new Uint8Array(4);
  await second.read(0, into);
  t.same(into, new Uint8Array([9, 9, 9, 9]));
  await second.keep();

  const other = await sink.open('k2', 8);
  t.equal(other.map, undefined, 'other contents begin anew');
  await other.read(0, into);
  t.same(into, new Uint8Array(4));
  await other.write(0, new Uint8Array(8).fill(7));
  await other.finish(1_700_000_000);
  t.same(new Uint8Array(readFileSync(path)), new Uint8Array(8).fill(7));
  t.equal(statSync(path).mtimeMs, 1_700_000_000_000);
  t.same(readdirSync(join(home, 'a')), ['log'], 'nothing else is left');
});

await t.test('a sidecar that is damaged means the part is fetched anew', async (t) => {
  const path = join(home, 'b');
  const sink = localSink(path, { replace: false });
  const part = await sink.open('k', 4);
  await part.saveMap(map);
  await part.keep();
  for (const text of ['', '{', '[]', '{"key":"k"}', '{"key":"k","map":5}']) {
    writeFileSync(`${path}.nightshift-part.map`, text);
    const again = await sink.open('k', 4);
    t.equal(again.map, undefined);
    await again.keep();
  }
});

await t.test('two transfers never write one part; a lock of a dead program is taken over', async (t) => {
  const path = join(home, 'c');
  const sink = localSink(path, { replace: false });
  const part = await sink.open('k', 4);
  await t.rejects(sink.open('k', 4), { code: 'NS_LOCAL_FILE', message: /another transfer/ });
  await part.discard();
  writeFileSync(`${path}.nightshift-part.lock`, '999999999');
  await (await sink.open('k', 4)).discard();
  writeFileSync(`${path}.nightshift-part.lock`, '1');
  await t.rejects(sink.open('k', 4), { message: /process 1 is writing/ });
  rmSync(`${path}.nightshift-part.lock`);
});

await t.test('a part that cannot be opened leaves no lock behind', async (t) => {
  const path = join(home, 'blocked');
  const sink = localSink(path, { replace: false });
  mkdirSync(`${path}.nightshift-part`);
  await t.rejects(sink.open('k', 4), { code: 'NS_LOCAL_FILE' });
  rmSync(`${path}.nightshift-part`, { recursive: true });
  await (await sink.open('k', 4)).discard();
});

await t.test('a file that appears meanwhile is not replaced unless that was said', async (t) => {
  const path = join(home, 'd');
  const part = await localSink(path, { replace: false }).open('k', 1);
  writeFileSync(path, 'mine');
  await t.rejects(part.finish(0), { code: 'NS_LOCAL_FILE' });
  t.equal(readFileSync(path, 'utf8'), 'mine');
  rmSync(`${path}.nightshift-part.lock`, { force: true });
  const bold = await localSink(path, { replace: true }).open('k2', 1);
  await bold.finish(0);
  t.equal(readFileSync(path, 'utf8'), '\0');
});

await t.test('a fetched file goes where one expects', async (t) => {
  const directory = join(home, 'dir');
  mkdirSync(directory);
  const one = { many: false, replace: false };
  t.equal(await placeFor(undefined, 'h', 'log', one), 'log');
  t.equal(await placeFor(directory, 'h', 'log', one), join(directory, 'log'));
  t.equal(await placeFor(`${home}/new/`, 'h', 'log', one), join(home, 'new', 'log'));
  t.equal(await placeFor(join(home, 'as'), 'h', 'log', one), join(home, 'as'));
  t.equal(await placeFor(directory, 'h', 'log', { ...one, many: true }), join(directory, 'h', 'log'));
  writeFileSync(join(directory, 'log'), '');
  await t.rejects(placeFor(directory, 'h', 'log', one), { code: 'NS_LOCAL_FILE', message: /--replace/ });
  t.equal(await placeFor(directory, 'h', 'log', { many: false, replace: true }), join(directory, 'log'));
});

await t.test(
  'a file to send is hashed, and must be a regular one that stays as long as it was',
  async (t) => {
    const path = join(home, 'send');
    writeFileSync(path, 'abc');
    const file = await openLocalFile(path, signal);
    t.equal(Buffer.from(file.sha256).toString('hex').slice(0, 8), 'ba7816bf');
    writeFileSync(path, 'a');
    await t.rejects(file.read(0, new Uint8Array(3)), { code: 'NS_LOCAL_FILE', message: /shorter/ });
    await file.close();
    await t.rejects(openLocalFile(home, signal), { code: 'NS_LOCAL_FILE' });
    await t.rejects(openLocalFile(join(home, 'absent'), signal), { code: 'NS_LOCAL_FILE' });
  },
);
