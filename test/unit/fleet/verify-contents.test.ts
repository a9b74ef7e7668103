import { createHash } from 'node:crypto';
import t from 'tap';
import {
  type CheckedFile,
  checkContents,
  encodeEvidence,
  type FileInHand,
  fileLines,
  isAboutFile,
  type KeptReceipt,
  Verification,
} from '../../../src/fleet/index.ts';
import { sampleRanges } from '../../../src/protocol/index.ts';
import { testKeyring } from '../../kit/keys.ts';
import { noise } from '../../kit/noise.ts';
import { idOf } from '../../kit/orders.ts';
import { Witness } from '../../kit/witness.ts';

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());
const volume = { name: 'disk0p1', type: 'ext4', label: '', uuid: 'u', stale: false, notes: [] };
const effect = { hash: new Uint8Array(32), blocks: 1, bytes: 4096, changes: [] };

function inHand(content: Uint8Array): FileInHand {
  return {
    size: content.byteLength,
    sha256: sha256(content),
    read: async (offset, into) => into.set(content.subarray(offset, offset + into.byteLength)),
  };
}

const samplesOf = (id: Uint8Array, content: Uint8Array) =>
  sampleRanges(id, content.byteLength).map(({ offset, length }) => ({
    offset,
    length,
    sha256: sha256(content.subarray(offset, offset + length)),
  }));

/** A put of this content, with what the receipt says of it changed. */
function put(
  witness: Witness,
  content: Uint8Array,
  change: Record<string, unknown> = {},
): Promise<KeptReceipt> {
  const id = idOf(77);
  const readBack = { from: 'medium', samples: samplesOf(id, content) };
  const args = { path: '/f', size: content.byteLength, sha256: sha256(content) };
  const result = { volume, path: '/f', effect, dryRun: false, readBack, ...change };
  return witness.give({ order: { id, verb: 'file.download', args }, receipt: { result } });
}

function check(witness: Witness, kept: KeptReceipt): CheckedFile & { is: 'receipt' } {
  const keys = {
    devices: new Map([['host1', [witness.key.publicKey]]]),
    people: testKeyring({ olga: [witness.operator, 'operator'] }),
    tenant: 'acme',
  };
  const file = new Verification(keys).add('file', encodeEvidence(kept));
  if (file.is !== 'receipt') throw new Error(file.is);
  return file;
}

const codes = (findings: readonly { readonly code: string }[]) => findings.map(({ code }) => code);

await t.test('a put whose samples are those of the file holds', async (t) => {
  for (const size of [0, 9, 65_536, 700_001]) {
    const witness = new Witness();
    const content = noise(size, size + 1);
    const file = check(witness, await put(witness, content));
    t.same(codes(file.checked.findings), [], `${size}`);
    t.ok(isAboutFile(file.checked));
    t.same(await checkContents(file.checked, inHand(content)), []);
  }
});

await t.test('the samples are shown, for whoever has the file and no program of ours', async (t) => {
  const witness = new Witness();
  const content = noise(70_000, 4);
  const text = fileLines(check(witness, await put(witness, content))).join('\n');
  const of = (from: number, to: number) =>
    createHash('sha256').update(content.subarray(from, to)).digest('hex');
  t.match(text, /read back from the disk itself: 2 ranges, .*as ordered/);
  t.match(text, `bytes 0-65535: sha256 ${of(0, 65_536)}`);
  t.match(text, `bytes 65536-69999: sha256 ${of(65_536, 70_000)}`);
});

await t.test(
  'samples of other ranges than the order calls for are wrong, without the file too',
  async (t) => {
    const witness = new Witness();
    const content = noise(700_001, 2);
    const samples = samplesOf(idOf(78), content);
    const moved = check(witness, await put(witness, content, { readBack: { from: 'device', samples } }));
    t.same(codes(moved.checked.findings), ['OTHER_SAMPLES']);
    const none = check(witness, await put(witness, content, { readBack: { from: 'device', samples: [] } }));
    t.same(codes(none.checked.findings), ['OTHER_SAMPLES']);
    const small = noise(100, 3);
    const lying = [{ offset: 0, length: 100, sha256: sha256(noise(100, 4)) }];
    const other = check(witness, await put(witness, small, { readBack: { from: 'device', samples: lying } }));
    t.same(codes(other.checked.findings), ['SAMPLE_DIFFERS']);
  },
);

await t.test('a sample that is not of the file is found, and so is another file', async (t) => {
  const witness = new Witness();
  const content = noise(700_001, 2);
  const samples = samplesOf(idOf(77), content);
  const bent = samples.map((sample, i) =>
    i === 5 ? { ...sample, sha256: sha256(new Uint8Array(1)) } : sample,
  );
  const { checked } = check(
    witness,
    await put(witness, content, { readBack: { from: 'medium', samples: bent } }),
  );
  t.same(codes(checked.findings), [], 'which nobody can tell without the file');
  t.same(codes(await checkContents(checked, inHand(content))), ['SAMPLE_DIFFERS']);
  t.same(codes(await checkContents(checked, inHand(noise(700_001, 5)))), ['OTHER_FILE']);
  t.same(codes(await checkContents(checked, inHand(new Uint8Array(3)))), ['OTHER_FILE']);
});

await t.test('a receipt without samples is said not to be checked', async (t) => {
  const witness = new Witness();
  const content = noise(10, 1);
  const { checked } = check(witness, await put(witness, content, { readBack: undefined }));
  t.same(codes(checked.findings), []);
  t.match(await checkContents(checked, inHand(content)), [{ is: 'unchecked', code: 'NO_SAMPLES' }]);
  const dry = check(witness, await put(witness, content, { readBack: undefined, dryRun: true }));
  t.notOk(isAboutFile(dry.checked));
});

await t.test('a get is held against the file by the hash of the whole', async (t) => {
  const witness = new Witness();
  const content = noise(1000, 6);
  const facts = { kind: 'file', size: 1000, mode: 0, uid: 0, gid: 0, links: 1, inode: 12, mtime: 0 };
  const result = { volume, path: '/f', file: facts, sha256: sha256(content) };
  const order = { verb: 'file.upload', args: { path: '/f' } };
  const { checked } = check(witness, await witness.give({ order, receipt: { result } }));
  t.ok(isAboutFile(checked));
  t.same(await checkContents(checked, inHand(content)), []);
  t.same(codes(await checkContents(checked, inHand(noise(1000, 7)))), ['OTHER_FILE']);
  const other = check(witness, await witness.give());
  t.notOk(isAboutFile(other.checked));
});
