import t from 'tap';
import type { DriveLockFact } from '../../../src/bmc/drive-lock/drive-fact.ts';
import { judgeLevels, type LockFacts, slackLevels } from '../../../src/bmc/lock-levels.ts';

const held: LockFacts = {
  canMask: true,
  masked: true,
  canSwitchOff: true,
  hostRuns: false,
  boot: 'yes',
  disks: [{ name: 'disk0', position: 'held', canHold: true, chain: false }],
};
const levelsOf = (change: Partial<LockFacts>) =>
  Object.fromEntries(judgeLevels(true, { ...held, ...change }).map(({ level, inForce }) => [level, inForce]));
const disk = { name: 'disk0', position: 'host', canHold: true, chain: false } as const;

/** A held drive with a lock of its own. */
const own =
  (inForce: string) =>
  (fact: DriveLockFact): [string, Partial<LockFacts>, Record<string, string>] => [
    `a drive of its own lock: ${fact}`,
    { disks: [{ ...disk, position: 'held', own: fact }] },
    { disk: inForce },
  ];

await t.test('a level is in force only where all of it was read back', async (t) => {
  const cases: [string, Partial<LockFacts>, Record<string, string>][] = [
    ['all of it', {}, { power: 'yes', boot: 'yes', disk: 'yes' }],
    ['a host that runs all the same', { hostRuns: true }, { power: 'no' }],
    ['a host that cannot be read', { hostRuns: 'unknown' }, { power: 'partly' }],
    ['a mask that was taken away', { masked: false }, { power: 'no' }],
    ['a mask that cannot be read', { masked: 'unknown' }, { power: 'no' }],
    ['no hand on the power', { canSwitchOff: false }, { power: 'partly' }],
    ['no mask', { canMask: false, masked: false }, { power: 'partly' }],
    ['neither', { canMask: false, masked: false, canSwitchOff: false }, { power: 'cannot' }],
    ['a BMC that is silent', { boot: 'unknown' }, { boot: 'no' }],
    ['no BMC', { boot: 'cannot' }, { boot: 'cannot' }],
    ['half a boot', { boot: 'partly' }, { boot: 'partly' }],
    ['a free drive', { disks: [disk] }, { disk: 'no' }],
    ['one of two', { disks: [disk, ...held.disks] }, { disk: 'partly' }],
    ['a switch that cannot hold', { disks: [{ ...disk, canHold: false }] }, { disk: 'cannot' }],
    ['a switch that does not answer', { disks: [{ ...disk, position: 'unknown' }] }, { disk: 'no' }],
    ['no disks', { disks: [] }, { disk: 'cannot' }],
    ...(['armed', 'locked', 'empty'] as const).map(own('yes')),
    ...(['cannot', 'unknown', 'open', 'frozen', 'spent', 'foreign', 'lost'] as const).map(own('partly')),
    [
      'a drive that is locked behind a switch that cannot hold',
      { disks: [{ ...disk, canHold: false, own: 'locked' }] },
      { disk: 'partly' },
    ],
  ];
  for (const [name, change, expected] of cases) t.match(levelsOf(change), expected, name);
});

await t.test('each says what it does not do', async (t) => {
  const levels = judgeLevels(true, { ...held, disks: [{ ...disk, position: 'held', chain: true }] });
  t.match(levels[2]?.detail, /disk0 is held, its chain silent \(T7\).*ATA security/i);
  for (const { defeatedBy, wanted } of levels) {
    t.not(defeatedBy, '');
    t.equal(wanted, true);
  }
});

await t.test('a machine with many disks has a sentence that fits an answer', async (t) => {
  const disks = Array.from({ length: 64 }, (_, n) => ({ ...disk, name: `disk${n}`.padEnd(16, 'x') }));
  for (const { detail } of judgeLevels(true, { ...held, disks })) t.ok(detail.length <= 1024);
  for (const own of ['spent', 'lost'] as const) {
    const owned = disks.map((one) => ({ ...one, canHold: false, own }));
    for (const { detail } of judgeLevels(true, { ...held, disks: owned })) t.ok(detail.length <= 1024);
  }
});

await t.test('what a board cannot do at all is no slack; what it could and does not, is', async (t) => {
  t.same(slackLevels(held), []);
  const least = { canMask: false, masked: false, canSwitchOff: false, boot: 'cannot' } as const;
  t.same(slackLevels({ ...held, ...least, disks: [{ ...disk, canHold: false }] }), []);
  for (const [own, slack] of [
    ['open', ['disk']],
    ['frozen', []],
    ['foreign', []],
    ['locked', []],
  ] as const)
    t.same(slackLevels({ ...held, disks: [{ ...disk, position: 'held', own }] }), slack, own);
  t.same(slackLevels({ ...held, hostRuns: true }), [], 'a host that runs is switched off by another');
  t.same(
    slackLevels({ ...held, masked: 'unknown', boot: 'unknown', disks: [{ ...disk, position: 'unknown' }] }),
    ['power', 'boot', 'disk'],
  );
  t.same(slackLevels({ ...held, disks: [...held.disks, disk] }), ['disk']);
});
