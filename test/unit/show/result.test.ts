import t from 'tap';
import { showResult } from '../../../src/show/index.ts';
import { statusResult } from '../../kit/status-result.ts';

const volume = { name: 'disk0p2', type: 'ext4', label: 'root', uuid: 'u', stale: false, notes: [] };
const hash = new Uint8Array(32).fill(0xab);

await t.test('what was not checked is said, and errors are counted beyond those listed', async (t) => {
  const lines = showResult('memory.check', {
    medium: 'dram',
    algorithms: ['march-c-'],
    covered: [{ start: 0x1000, length: 4096 }],
    coveredBasisPoints: 2500,
    errors: [
      {
        at: 0x1008,
        slot: 'A1',
        what: 'stuck bit',
        expected: new Uint8Array([0]),
        actual: new Uint8Array([8]),
      },
    ],
    errorCount: 12,
    notReached: [{ what: 'B1', why: 'no standby power' }],
    modules: [{ slot: 'A1', populated: true, type: 'DDR4', crcOk: false }],
  });
  t.same(lines, [
    'dram by march-c-: 25.00 % covered, 12 errors',
    'covered: 0x1000 + 4.0 KiB (4096 B)',
    'error: 0x1008 (A1): stuck bit, expected 00, found 08',
    '… and 11 more errors',
    'NOT CHECKED: B1: no standby power',
    'module A1: DDR4, SPD CRC WRONG',
  ]);
});

await t.test('a dry run says so, and how to approve it', async (t) => {
  const effect = { hash, blocks: 1, bytes: 512, changes: [{ change: 'create' as const, path: '/x' }] };
  const dry = showResult('file.download', { volume, path: '/x', effect, dryRun: true }).join('\n');
  t.match(dry, /would create \/x[\s\S]*nothing was written[\s\S]*--approve abab/);
  const real = showResult('file.download', { volume, path: '/x', effect, dryRun: false }).join('\n');
  t.match(real, /^created \/x\neffect: 1 block, 512 B/);
  t.notMatch(real, /approve/);
});

await t.test('stale answers and volume notes are said', async (t) => {
  const stale = { ...volume, stale: true, notes: ['journal not replayed'] };
  const entry = { name: 'a', kind: 'file' as const, size: 5, mode: 0o4755, uid: 1, gid: 2, mtime: 0 };
  const lines = showResult('file.list', { volume: stale, entries: [entry], next: 'a' }, { long: true });
  t.same(lines, [
    '1 entry',
    '-rwsr-xr-x  1:2  5  1970-01-01 00:00:00Z  a',
    '… there is more',
    'volume: disk0p2 ext4 "root"',
    'STALE: the host may hold newer contents than its disk',
    'note: journal not replayed',
  ]);
});

await t.test('a lock that is not in force is shown as such, and an uncertain power state too', async (t) => {
  const lines = showResult('machine.status', {
    device: 'h',
    board: 'b',
    version: '1',
    boot: new Uint8Array(16),
    uptimeSeconds: 5,
    power: { state: 'unknown', certain: false, sources: {} },
    lock: { state: 'disabled', version: 2, inForce: [] },
    disks: [{ name: 'disk0', position: 'held', handBackMs: 2000 }],
    tasks: { running: 0, queued: 0 },
    limits: ['no write tools'],
  }).join('\n');
  t.match(lines, /power now: unknown \(NOT CERTAIN\)/);
  t.match(lines, /in force: NOTHING/);
  t.match(lines, /limit: no write tools/);
});

await t.test(
  'programs on host disks are shown as confined, or what they are not kept from and why',
  async (t) => {
    const shown = (missing: readonly (readonly [part: string, why: string])[]) =>
      showResult('machine.status', {
        ...statusResult(),
        toolConfinement: { holds: ['limits'], missing: missing.map(([part, why]) => ({ part, why })) },
      }).filter((line) => line.startsWith('disk tools'));
    t.same(shown([]), ['disk tools: confined']);
    t.same(
      shown([
        ['files', 'no bwrap'],
        ['limits', 'no prlimit'],
        ['network', 'no bwrap'],
      ]),
      [
        'disk tools: NOT CONFINED in files, network: no bwrap',
        'disk tools: NOT CONFINED in limits: no prlimit',
      ],
    );
    t.same(
      showResult('machine.status', statusResult()).filter((line) => line.startsWith('disk tools')),
      [],
    );
  },
);

await t.test('a lock is shown level by level, with what defeats it', async (t) => {
  const level = { wanted: true, detail: 'Held.', defeatedBy: 'a crowbar' };
  const levels = [
    { ...level, level: 'power' as const, inForce: 'yes' as const },
    { ...level, level: 'boot' as const, inForce: 'cannot' as const, detail: 'No BMC.' },
    { ...level, level: 'disk' as const, inForce: 'no' as const, detail: 'Loose.' },
  ];
  const lock = { state: 'disabled' as const, version: 2, inForce: [], levels };
  t.same(showResult('machine.disable', { lock, changed: true }).slice(-4), [
    'level power: in force. Held.',
    '  defeated by a crowbar',
    'level boot: not there. No BMC.',
    'level disk: NOT in force. Loose.',
  ]);
  const unwanted = levels.map((l) => ({ ...l, wanted: false }));
  const free = {
    ...lock,
    state: 'enabled' as const,
    inForce: ['power-button-masked' as const],
    levels: unwanted,
  };
  t.match(showResult('machine.enable', { lock: free, changed: true }).slice(-2), [
    'level power: in force (not wanted). Held.',
    '  defeated by a crowbar',
  ]);
  const ordinary = {
    ...free,
    inForce: [],
    levels: unwanted.map((l) => ({ ...l, inForce: 'partly' as const })),
  };
  t.notMatch(
    showResult('machine.enable', { lock: ordinary, changed: true }).join('\n'),
    /level/,
    'what an enabled machine boots, and when, is its own business',
  );
});

await t.test('what the bytes of a memory say stands below them, with what is wrong', (t) => {
  const lines = showResult('io.read', {
    channel: 'board-fru',
    unit: 'bytes',
    value: Uint8Array.of(1, 0),
    contents: {
      as: 'fru',
      fields: [
        { name: 'Board Mfg', value: 'ACME' },
        { name: 'Board Serial', value: 'B-1' },
      ],
      problems: ['product: a checksum is wrong'],
    },
  });
  t.same(lines, [
    'board-fru = 2 bytes 0100',
    '  Board Mfg     ACME',
    '  Board Serial  B-1',
    '  PROBLEM: product: a checksum is wrong',
  ]);
  t.end();
});
