import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { MiB, toHex, utf8 } from '../../src/base/index.ts';
import { sampleRanges } from '../../src/protocol/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { noise } from '../kit/noise.ts';

const sha256 = (bytes: Uint8Array) => toHex(createHash('sha256').update(bytes).digest());

async function cold(t: Test): Promise<ColdHost> {
  const host = await ColdHost.start({ size: 32 });
  t.teardown(() => host.close());
  return host;
}

/** The receipt of the last put, as the device signed it. */
function lastReceipt(host: ColdHost) {
  const receipt = host.said('receipt').at(-1);
  if (receipt === undefined) throw new Error('no receipt');
  return receipt;
}

/** From now on the drive gives the bytes after this mark in another way than they were written. */
function lieAt(host: ColdHost, mark: Uint8Array): void {
  host.onMediumRead = (into) => {
    const at = Buffer.from(into.buffer, into.byteOffset, into.byteLength).indexOf(mark);
    if (at >= 0) into[at + mark.length]! ^= 1;
  };
}

await t.test(
  'receipts say what was read back from the disk: of a put where, of a delete that it is gone',
  async (t) => {
    const host = await cold(t);
    for (const size of [3 * MiB + 17, 70_000, 0]) {
      const content = noise(size, size + 1);
      const put = await host.put(`/f${size}`, content);
      t.equal(put.outcome, 'succeeded', `${size}`);
      const { readBack } = put.result!;
      t.equal(readBack?.from, 'medium');
      t.same(
        readBack?.samples.map(({ offset, length }) => ({ offset, length })),
        sampleRanges(lastReceipt(host).id, size),
      );
      for (const { offset, length, sha256: hash } of readBack?.samples ?? []) {
        t.equal(toHex(hash), sha256(content.subarray(offset, offset + length)));
      }
    }
    const dry = await host.put('/f', utf8('x'), { dryRun: true });
    t.match(dry, { outcome: 'succeeded', result: { dryRun: true, readBack: undefined } });
    const gone = await host.give('file.delete', { path: '/f*0*' });
    t.match(gone, { outcome: 'succeeded', result: { removed: 2, absent: 2 } });
  },
);

await t.test('a disk that gives back other bytes makes a failure of it, for good', async (t) => {
  const host = await cold(t);
  const mark = utf8('-- a mark that is nowhere else --');
  const content = noise(200_000, 3);
  content.set(mark, 130_000);
  lieAt(host, mark);
  const put = await host.put('/liar', content);
  t.equal(put.outcome, 'failed');
  const { seq, failure, result } = lastReceipt(host);
  t.equal(failure?.code, 'NS_SAMPLE_DIFFERS');
  t.match(failure?.sentence, /\/liar was committed.*bytes 65536 to 131072/);
  t.equal(result, undefined);
  host.onMediumRead = undefined;
  await host.restart();
  t.equal(
    host.said('receipt').filter((said) => said.seq > seq).length,
    0,
    'and no other answer after a restart',
  );
  const again = await host.put('/liar', content, { replace: true });
  t.equal(again.outcome, 'succeeded');
});

await t.test('a disk that cannot be read back makes a failure of it', async (t) => {
  const host = await cold(t);
  const mark = utf8('-- a mark that is nowhere else --');
  host.onMediumRead = (into) => {
    if (Buffer.from(into.buffer, into.byteOffset, into.byteLength).includes(Buffer.from(mark)))
      throw new Error('unrecovered read error');
  };
  const put = await host.put('/bad', mark);
  t.equal(put.outcome, 'failed');
  t.equal(lastReceipt(host).failure?.code, 'NS_SAMPLE_UNREADABLE');
});

await t.test('a host that wants its disk gets it, and nothing is said of what was not read', async (t) => {
  const host = await cold(t);
  let woke = false;
  host.onMediumRead = async () => {
    if (woke) return;
    woke = true;
    host.machine.host.press();
    await eventually(() => host.lines.includes('info wake.requested'));
  };
  const put = await host.put('/f', noise(100_000, 9));
  t.ok(woke);
  t.match(put, { outcome: 'succeeded', result: { dryRun: false } });
  t.equal(put.result?.readBack, undefined);
});

await t.test('the ranges hang on the order, cover each part, and small files wholly', async (t) => {
  const ids = Array.from({ length: 50 }, () => systemEntropy.randomBytes(16));
  for (const size of [0, 1, 65_536, 65_537, 524_288, 524_289, 10 * MiB, 2 ** 40 + 3]) {
    const sound = ids.every((id) => {
      const ranges = sampleRanges(id, size);
      const sum = ranges.reduce((all, { length }) => all + length, 0);
      const apart = ranges.every(({ offset, length }, i) => {
        const free = i === 0 ? 0 : ranges[i - 1]!.offset + ranges[i - 1]!.length;
        return Number.isSafeInteger(offset) && free <= offset && length <= 65_536 && offset + length <= size;
      });
      return ranges.length <= 8 && sum === Math.min(size, 524_288) && apart;
    });
    t.ok(sound, `${size}`);
  }
  const places = new Set(ids.map((id) => JSON.stringify(sampleRanges(id, 10 * MiB))));
  t.equal(places.size, 50);
});
