import t from 'tap';
import { RELEASE_DOCUMENT } from '../../../../src/security/index.ts';
import { decodeReleaseRecord, encodeReleaseRecord } from '../../../../src/security/release/release-record.ts';
import { pauseAfter } from '../../../../src/security/release/release-rules.ts';
import { ReleaseBench } from '../../../kit/release-bench.ts';

await t.test('the codes of two people release, and the audit log says who', async (t) => {
  const bench = new ReleaseBench();
  t.match(await bench.give('sam'), { is: 'one-more', name: 'sam' });
  t.equal(bench.lock.state, 'disabled');
  t.match(await bench.give('tess'), { is: 'released', names: ['sam', 'tess'], lockVersion: 2 });
  t.equal(bench.lock.state, 'enabled');
  t.equal(bench.audited.length, 2);
  t.match(bench.audited[0], /^release\.challenged challenge [0-9a-f]{16}, lock version 1$/);
  t.match(
    bench.audited[1],
    /^release\.granted lock version 1, challenge [0-9a-f]{16} \(with key [0-9a-f]{16}\)$/,
  );
  t.equal(await bench.desk.challenge(), undefined, 'an enabled machine has nothing to release');
  t.match(await bench.desk.answer('X'), { is: 'nothing' });
});

await t.test(
  'the challenge outlives a restart; the first code does not, and is asked for again',
  async (t) => {
    const bench = new ReleaseBench();
    const shown = await bench.desk.challenge();
    const sam = await bench.code('sam');
    t.match(await bench.desk.answer(sam), { is: 'one-more' });
    bench.restart();
    t.same(await bench.desk.challenge(), shown);
    t.match(await bench.give('tess'), { is: 'one-more', name: 'tess' });
    t.match(await bench.desk.answer(sam), { is: 'released', names: ['tess', 'sam'] });
  },
);

await t.test('codes that were used, or are for an older lock, fit nothing any more', async (t) => {
  const bench = new ReleaseBench();
  const used = [await bench.code('sam'), await bench.code('tess')];
  for (const code of used) await bench.desk.answer(code);
  t.equal(bench.lock.state, 'enabled');
  Object.assign(bench.lock, { state: 'disabled', version: 3 });
  t.match(await bench.desk.answer(used[0]!), { is: 'nothing' }, 'no challenge was asked for');
  await bench.desk.challenge();
  t.match(await bench.desk.answer(used[0]!), { is: 'wrong' });
  bench.restart();
  await bench.desk.challenge();
  await bench.pass(400_000);
  t.match(await bench.desk.answer(used[1]!), { is: 'wrong' });
  t.equal(bench.lock.state, 'disabled');
});

await t.test('one person twice, by one key or two, is one person', async (t) => {
  const bench = new ReleaseBench();
  const sam = await bench.code('sam');
  await bench.desk.answer(sam);
  t.match(await bench.desk.answer(sam), {
    is: 'refused',
    refusal: { code: 'NEEDS_TWO_PEOPLE' },
    wait: 1000,
    newChallenge: false,
  });
  t.match(await bench.give('sam2'), { is: 'too-soon', wait: 1000 }, 'as was announced');
  await bench.pass(1000);
  t.match(await bench.give('sam2'), { is: 'refused', refusal: { code: 'NEEDS_TWO_PEOPLE' } });
  await bench.pass(2000);
  t.match(await bench.give('tess'), { is: 'released', names: ['sam', 'tess'] }, 'the first still counts');
});

await t.test('who may not enable the machine by an order may not by a code', async (t) => {
  const cases: readonly [what: string, ring: Parameters<ReleaseBench['ring']>[0], expected: object][] = [
    ['an operator', {}, { is: 'wrong' }],
    ['a revoked officer', { tess: { name: '' } }, { is: 'wrong' }],
    ['an officer of another role now', { tess: { role: 'auditor' } }, { is: 'wrong' }],
    [
      'a grant that has ended',
      { tess: { notAfter: 1 } },
      { is: 'refused', refusal: { code: 'KEY_EXPIRED' } },
    ],
    [
      'a grant for other hosts',
      { tess: { scopes: [{ hosts: ['@rack2'] }] } },
      { is: 'refused', refusal: { code: 'OUT_OF_SCOPE' } },
    ],
    [
      'a grant for other orders',
      { tess: { scopes: [{ verbs: ['audit.read'] }] } },
      { is: 'refused', refusal: { code: 'OUT_OF_SCOPE' } },
    ],
    [
      'a grant for another power state',
      { tess: { scopes: [{ states: ['S0'] }] } },
      { is: 'refused', refusal: { code: 'OUT_OF_SCOPE' } },
    ],
  ];
  for (const [what, change, expected] of cases) {
    const bench = new ReleaseBench();
    bench.keyring = bench.ring(change);
    bench.restart();
    await bench.give('sam');
    t.match(await bench.give(what === 'an operator' ? 'olga' : 'tess'), expected, what);
    t.equal(bench.lock.state, 'disabled', what);
  }
});

await t.test('an officer who was revoked between the two codes counts no more', async (t) => {
  const bench = new ReleaseBench();
  await bench.give('sam');
  const current = { current: bench.keyring };
  Object.assign(current, { current: bench.ring({ sam: { name: '' } }) });
  const tess = await bench.code('tess');
  // The desk asks the view each time; here it is another from now on.
  bench.keyring.lookup = current.current.lookup.bind(current.current);
  t.match(await bench.desk.answer(tess), { is: 'refused', refusal: { code: 'KEY_UNKNOWN' } });
  t.equal(bench.lock.state, 'disabled');
});

await t.test(
  'wrong answers wait ever longer, 5 min at most; a power cycle takes nothing off, and nobody is locked out',
  async (t) => {
    const bench = new ReleaseBench();
    await bench.desk.challenge();
    const waits: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      const answer = await bench.wrong();
      if (answer.is !== 'wrong') throw new Error(answer.is);
      waits.push(answer.wait);
      t.match(
        await bench.wrong(),
        answer.newChallenge ? { is: 'nothing' } : { is: 'too-soon', wait: answer.wait },
      );
      t.equal(answer.newChallenge, i % 5 === 4, 'another challenge after each five');
      if (answer.newChallenge) await bench.desk.challenge();
      if (i === 7) {
        bench.restart();
        await bench.desk.challenge();
        t.match(await bench.wrong(), { is: 'too-soon', wait: answer.wait }, 'the whole wait begins anew');
      }
      await bench.pass(answer.wait);
    }
    t.same(
      waits,
      [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300].map((s) => s * 1000),
    );
    t.equal(pauseAfter(1_000_000), 300_000);
    t.match(await bench.give('sam'), { is: 'one-more' });
    t.match(await bench.give('tess'), { is: 'released' });
  },
);

await t.test('what is mistyped, and what comes too soon, is no try', async (t) => {
  const bench = new ReleaseBench();
  const code = await bench.code('sam');
  for (const typed of [
    '',
    'hello',
    code.slice(1),
    `${code}0`,
    code.replace(/^./, (c) => (c === '0' ? '2' : '0')),
  ]) {
    t.match(await bench.desk.answer(typed), { is: 'mistyped' });
  }
  await bench.wrong();
  for (let i = 0; i < 20; i += 1) t.match(await bench.desk.answer(code), { is: 'too-soon' });
  await bench.pass(1000);
  t.match(await bench.desk.answer(code), { is: 'one-more' });
});

await t.test('two hundred wrong answers leave room in the audit log', async (t) => {
  const bench = new ReleaseBench();
  for (let i = 0; i < 200; i += 1) {
    await bench.desk.challenge();
    await bench.wrong();
    await bench.pass(300_000);
  }
  t.ok(bench.audited.length < 20, `${bench.audited.length} entries`);
  t.match(bench.audited[1], /^release\.refused a code of nobody, try 1, challenge [0-9a-f]{16}$/);
});

await t.test('two answers at once are judged one after the other', async (t) => {
  const bench = new ReleaseBench();
  const [sam, tess] = [await bench.code('sam'), await bench.code('tess')];
  const answers = await Promise.all([sam, tess, sam, tess].map((code) => bench.desk.answer(code)));
  t.same(
    answers.map(({ is }) => is),
    ['one-more', 'released', 'nothing', 'nothing'],
  );
  t.equal(bench.lock.version, 2);
});

await t.test('the lock that changes between challenge and answer is another lock', async (t) => {
  const bench = new ReleaseBench();
  const [sam, tess] = [await bench.code('sam'), await bench.code('tess')];
  await bench.desk.answer(sam);
  bench.lock.version = 5;
  t.match(await bench.desk.answer(tess), { is: 'nothing' });
  t.equal(bench.lock.state, 'disabled');
});

await t.test(
  'power cut at each durable write: locked or released, never a try for nothing, and it can be had after',
  async (t) => {
    let whole = false;
    for (let cut = 0; !whole; cut += 1) {
      const bench = new ReleaseBench();
      const [sam, tess] = [await bench.code('sam'), await bench.code('tess')];
      bench.writes = cut;
      await bench.desk.answer(sam).catch(() => undefined);
      const last = await bench.desk.answer(tess).catch(() => undefined);
      whole = last?.is === 'released';
      const granted = bench.audited.some((entry) => entry.startsWith('release.granted'));
      t.ok(granted || bench.lock.state === 'disabled', `cut at ${cut}: no release without an entry`);
      bench.restart();
      if (bench.lock.state === 'enabled') continue;
      await bench.desk.challenge();
      await bench.pass(300_000);
      await bench.give('sam');
      t.match(await bench.give('tess'), { is: 'released' }, `cut at ${cut}`);
      t.ok(cut < 20);
    }
  },
);

await t.test('a power cut at a wrong answer has counted it', async (t) => {
  const bench = new ReleaseBench();
  await bench.desk.challenge();
  bench.writes = 1;
  await bench.wrong().catch(() => undefined);
  bench.restart();
  await bench.desk.challenge();
  t.match(await bench.wrong(), { is: 'too-soon' });
});

await t.test('a stored record: whole or not at all; what is damaged waits longest', async (t) => {
  const record = {
    lockVersion: 7,
    challenge: Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 7),
    wrong: 2,
    wrongSoFar: 9,
  };
  const bytes = encodeReleaseRecord(record);
  t.same(decodeReleaseRecord(bytes), record);
  t.same(decodeReleaseRecord(encodeReleaseRecord({ lockVersion: 1, wrong: 0, wrongSoFar: 0 })), {
    lockVersion: 1,
    wrong: 0,
    wrongSoFar: 0,
  });
  for (let i = 0; i < bytes.byteLength; i += 1) {
    t.equal(decodeReleaseRecord(bytes.with(i, bytes[i]! ^ 1)), undefined);
    t.equal(decodeReleaseRecord(bytes.slice(0, i)), undefined);
  }
  t.equal(decodeReleaseRecord(new Uint8Array(100_000)), undefined);
  const bench = new ReleaseBench();
  await bench.store.writeDocument(RELEASE_DOCUMENT, bytes.slice(1));
  await bench.desk.challenge();
  t.match(await bench.wrong(), { is: 'too-soon', wait: 300_000 });
});
