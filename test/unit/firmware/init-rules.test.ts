import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { utf8 } from '../../../src/base/index.ts';
import {
  BOOT_RECORD_BYTES,
  type BootRecord,
  chooseSlot,
  newestBootRecord,
  readBootRecord,
  type Slot,
  type SlotState,
  writeBootRecord,
} from '../../../src/firmware/index.ts';

/** What starts the board is a shell script: these run its rules by the shell that it has, beside those of src/firmware. */
const INIT = fileURLToPath(new URL('../../../flash/initramfs/init', import.meta.url));
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const BUSYBOX = join(cache, 'nightshift-test/guest-system/busybox');
const run = promisify(execFile);

const dir = await mkdtemp(join(tmpdir(), 'nightshift-init-'));
t.teardown(() => rm(dir, { recursive: true }));

const firmware = fc.record({
  version: fc.constantFrom('1.0.0', '2.10.3', '3.0.0-rc1'),
  rollback: fc.nat(1000),
  size: fc.nat(1e8),
  sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
});
const state: fc.Arbitrary<SlotState> = fc.oneof(
  fc.constant({ is: 'empty' } as const),
  firmware.map(({ version }) => ({ is: 'bad', version }) as const),
  firmware.map((one) => ({ is: 'good', ...one }) as const),
  fc.tuple(firmware, fc.nat(3)).map(([one, left]) => ({ is: 'trying', ...one, left }) as const),
);
const record: fc.Arbitrary<BootRecord> = fc.record({
  counter: fc.nat(100_000),
  first: fc.constantFrom('a', 'b'),
  floor: fc.nat(1000),
  slots: fc.record({ a: state, b: state }),
});
const SEED = 20_261_121;

/** Runs these lines behind the script's rules. */
async function rules(lines: readonly string[]): Promise<string[]> {
  const script = join(dir, 'script');
  await writeFile(script, ['NIGHTSHIFT_RULES_ONLY=1', `. ${INIT}`, ...lines, ''].join('\n'));
  const { stdout } = await run(BUSYBOX, ['sh', script], { maxBuffer: 16 * 1024 * 1024, env: {} });
  return stdout.split('\n').slice(0, -1);
}

await t.test('the script chooses what the rules choose, and writes the record that they write', async (t) => {
  const cases = fc.sample(fc.tuple(record, fc.boolean(), fc.boolean()), { numRuns: 120, seed: SEED });
  const lines: string[] = [];
  for (const [index, [one, a, b]] of cases.entries()) {
    await writeFile(join(dir, `record${index}`), writeBootRecord(one));
    lines.push(
      `is_whole() { case "$1" in a) ${a} ;; b) ${b} ;; esac; }`,
      `choose_slot "$(read_copy ${join(dir, `record${index}`)})"`,
      'echo "$start $(copy_bytes "$next" | sha256sum | cut -d" " -f1)"',
      `copy_bytes "$next" >${join(dir, `next${index}`)}`,
    );
  }
  const said = await rules(lines);
  for (const [index, [one, a, b]] of cases.entries()) {
    const choice = chooseSlot(one, (slot: Slot) => (slot === 'a' ? a : b));
    const bytes = createHash('sha256').update(writeBootRecord(choice.record)).digest('hex');
    t.equal(said[index], `${choice.start} ${bytes}`, JSON.stringify({ one, a, b }));
  }
});

await t.test('the script takes the copy that the rules take, whole or torn', async (t) => {
  const torn = fc.tuple(record, record, fc.nat(512), fc.nat(512));
  const cases = fc.sample(torn, { numRuns: 60, seed: SEED });
  const lines: string[] = [];
  const wanted: string[] = [];
  for (const [index, [one, other, keepOne, keepOther]] of cases.entries()) {
    const copies = [writeBootRecord(one), writeBootRecord(other)] as const;
    // A few are whole; the rest end in what lay there before.
    if (index % 3 !== 0) copies[0].fill(0xff, keepOne);
    if (index % 4 !== 0) copies[1].fill(0xff, keepOther);
    const paths = copies.map((_, copy) => join(dir, `copy${index}-${copy}`));
    for (const [copy, bytes] of copies.entries()) await writeFile(paths[copy] ?? '', bytes);
    const found = newestBootRecord([copies[0], copies[1]]);
    wanted.push(found === undefined ? 'none' : `${found.record.counter} ${found.copy}`);
    lines.push(
      `found=$(newest_copy ${paths.join(' ')})`,
      'if [ -z "$found" ]; then echo none; else echo "$(value_of "$found" counter) $(value_of "$found" copy)"; fi',
    );
  }
  t.same(await rules(lines), wanted);
  t.ok(new Set(wanted).size > 10);
});

await t.test(
  'a start on trial that cannot be counted is none, where something proven can start instead',
  async (t) => {
    const good = { is: 'good', version: '1.0.0', rollback: 0, size: 9, sha256: 'ab'.repeat(32) } as const;
    const trying = { ...good, is: 'trying', version: '2.0.0', left: 3 } as const;
    const cases: readonly [Pick<BootRecord, 'first' | 'slots'>, string, string][] = [
      [{ first: 'b', slots: { a: good, b: trying } }, 'true', 'b a'],
      [{ first: 'b', slots: { a: good, b: trying } }, '[ "$1" = b ]', 'b b'],
      [{ first: 'b', slots: { a: { is: 'empty' }, b: trying } }, 'true', 'b b'],
      [{ first: 'a', slots: { a: good, b: trying } }, 'true', 'a a'],
      [{ first: 'a', slots: { a: good, b: { is: 'empty' } } }, 'false', 'recovery recovery'],
    ];
    const lines: string[] = [];
    for (const [index, [one, whole]] of cases.entries()) {
      const path = join(dir, `uncounted${index}`);
      await writeFile(path, writeBootRecord({ counter: 7, floor: 0, ...one }));
      lines.push(
        'uncounted=',
        `is_whole() { ${whole}; }`,
        `record=$(read_copy ${path})`,
        'choose_slot "$record"',
        'wanted=$start',
        'choose_uncounted "$record"',
        'echo "$wanted $start"',
      );
    }
    t.same(
      await rules(lines),
      cases.map(([, , said]) => said),
    );
  },
);

await t.test('what no update writes is no record for either, though its check is right', async (t) => {
  const sha256 = 'ab'.repeat(32);
  const good = `good 1.0.0 0 10 ${sha256}`;
  const record = (
    { counter = '7', first = 'a', floor = '0', a = good, b = 'empty' }: Readonly<Record<string, string>>,
    change: (lines: string[]) => string[] = (all) => all,
  ): Uint8Array => {
    const body = [
      'nightshift-boot 1',
      `counter ${counter}`,
      `first ${first}`,
      `floor ${floor}`,
      `a ${a}`,
      `b ${b}`,
    ];
    const text = change(body)
      .map((line) => `${line}\n`)
      .join('');
    const bytes = new Uint8Array(BOOT_RECORD_BYTES);
    bytes.set(utf8(`${text}check ${createHash('sha256').update(text).digest('hex')}\n`));
    return bytes;
  };
  const numbers = ['-1', '9223372036854775808', '9007199254740993', '0x10', '1e3', '010', '+7', '7.0', ''];
  const trying = ['-1', '00', '0x3', '010', ''].map((left) => `trying 2.0.0 0 10 ${sha256} ${left}`);
  const odd = [
    ...numbers.flatMap((number) => [record({ counter: number }), record({ floor: number })]),
    ...['c', '', 'b b'].map((first) => record({ first })),
    ...trying.map((b) => record({ first: 'b', b })),
    ...[
      `good 1.0 beta 0 10 ${sha256}`,
      `good  1.0.0 0 10 ${sha256}`,
      `${good} `,
      `${good} 3`,
      `good * 0 10 ${sha256}`,
      `good 1.0.0 0 -5 ${sha256}`,
      `good 1.0.0 0 10 ${sha256.toUpperCase()}`,
      'good 1.0.0 0 10 abcd',
      `fine 1.0.0 0 10 ${sha256}`,
      'bad 1.0.0 0',
    ].map((a) => record({ a })),
    record({}, (lines) => lines.slice(0, 5)),
    record({}, (lines) => [...lines, 'c empty']),
    record({}, (lines) => lines.toSorted()),
    record({}, (lines) => lines.map((line) => `${line}\r`)),
    record({}, (lines) => ['nightshift-boot 2', ...lines.slice(1)]),
  ];
  for (const at of [30, 100]) {
    const hole = record({});
    hole.copyWithin(at + 1, at);
    hole[at] = 0;
    odd.push(hole);
  }
  const unended = record({});
  unended[unended.indexOf(0) - 1] = 0;
  odd.push(unended);
  const lines: string[] = [];
  for (const [index, bytes] of [record({}), record({ first: 'b' }), ...odd].entries()) {
    const path = join(dir, `odd${index}`);
    await writeFile(path, bytes);
    lines.push(`[ -n "$(read_copy ${path})" ] && echo whole || echo none`);
    t.equal(readBootRecord(bytes) === undefined, index > 1, `case ${index}`);
  }
  t.same(await rules(lines), ['whole', 'whole', ...odd.map(() => 'none')]);
});
