import t from 'tap';
import { ColdHost } from '../kit/cold-host.ts';
import { scratch } from '../kit/disk-tools.ts';
import { diskOf, SLEEPERS, VOLUME_CLASSES } from '../kit/volume-classes.ts';

const STATES = ['S5', 'S4', 'S3', 'S0'] as const;
type State = (typeof STATES)[number];

const place = await scratch();
t.teardown(place.remove);

/** "read / write" of one volume: yes, or the code of the refusal; "stale" where only with stale data allowed. */
type Row = Readonly<Record<State, string>>;

const ASLEEP = { S4: 'HOST_HIBERNATED', S3: 'HOST_SUSPENDED' } as const;

/** A volume that can be read: in S5 by its own verdicts, asleep stale, awake not at all. */
function readable(read: string, write: string): Row {
  return {
    S5: `${read} / ${write}`,
    S4: `stale / ${ASLEEP.S4}`,
    S3: `stale / ${ASLEEP.S3}`,
    S0: 'HOST_AWAKE / HOST_AWAKE',
  };
}

function refused(code: string): Row {
  return {
    S5: `${code} / ${code}`,
    S4: `${code} / ${ASLEEP.S4}`,
    S3: `${code} / ${ASLEEP.S3}`,
    S0: 'HOST_AWAKE / HOST_AWAKE',
  };
}

const EXPECTED: Readonly<Record<string, Row>> = {
  'ext4, clean': readable('yes', 'yes'),
  'ext4, copied while mounted': readable('yes', 'VOLUME_DIRTY'),
  'ext2, left mounted': readable('yes', 'VOLUME_DIRTY'),
  'ext4 with quota': readable('yes', 'VOLUME_READ_ONLY'),
  'ext4, with errors': readable('yes', 'VOLUME_DAMAGED'),
  'FAT, clean': readable('yes', 'yes'),
  'FAT, left mounted': readable('yes', 'VOLUME_DIRTY'),
  'FAT, two tables differ': readable('yes', 'VOLUME_DAMAGED'),
  'NTFS, clean': readable('yes', 'yes'),
  'NTFS, left dirty': readable('yes', 'VOLUME_DIRTY'),
  'swap, clean': refused('VOLUME_UNSUPPORTED'),
  LUKS1: refused('VOLUME_ENCRYPTED'),
  LUKS2: refused('VOLUME_ENCRYPTED'),
  BitLocker: refused('VOLUME_ENCRYPTED'),
  LVM2: refused('VOLUME_UNSUPPORTED'),
  'software RAID': refused('VOLUME_UNSUPPORTED'),
  XFS: refused('VOLUME_UNSUPPORTED'),
  'XFS, copied while mounted': refused('VOLUME_UNSUPPORTED'),
  btrfs: refused('VOLUME_UNSUPPORTED'),
  exFAT: refused('VOLUME_UNSUPPORTED'),
  'ISO 9660': refused('VOLUME_UNSUPPORTED'),
  APFS: refused('VOLUME_UNSUPPORTED'),
  ReFS: refused('VOLUME_UNSUPPORTED'),
  'nothing known': refused('VOLUME_UNSUPPORTED'),
};

/** Puts the host into a state, and has the agent find it so: one that sees it go there says that it wants to wake. */
async function turn(host: ColdHost, state: State): Promise<void> {
  host.machine.host.set(state, 'the test');
  await host.restart();
}

/** By volume, in order, what "volume.list" says in each state of the host. */
async function matrixOf(host: ColdHost, count: number): Promise<Record<State, string>[]> {
  const rows: Record<State, string>[] = Array.from({ length: count }, () => ({
    S5: '',
    S4: '',
    S3: '',
    S0: '',
  }));
  for (const state of STATES) {
    await turn(host, state);
    const ended = await host.give('volume.list', {});
    for (const [i, row] of rows.entries()) {
      const volume = ended.result?.volumes[i];
      const said = (verdict: typeof volume extends undefined ? never : NonNullable<typeof volume>['read']) =>
        verdict.may === 'no' ? (verdict.why?.code ?? '?') : verdict.may;
      row[state] =
        volume === undefined
          ? `${ended.code} / ${ended.code}`
          : `${said(volume.read)} / ${said(volume.write)}`;
    }
  }
  return rows;
}

/** What an order to read and one to write really answer. */
async function tried(host: ColdHost, volume: string): Promise<string> {
  const read = await host.give('file.list', { volume, path: '/' });
  const write = await host.give('file.delete', { volume, path: '/none' });
  return `${read.code ?? 'yes'} / ${write.code === 'NO_SUCH_FILE' ? 'yes' : write.code}`;
}

await t.test('every class of volume in every state of the host', async (t) => {
  const names = Object.keys(EXPECTED);
  t.same(names, Object.keys(VOLUME_CLASSES));
  const host = await ColdHost.start({ image: await diskOf(place.dir, Object.values(VOLUME_CLASSES)) });
  t.teardown(() => host.close());
  const before = await host.disk.hash();
  const rows = await matrixOf(host, names.length);
  t.comment(`figure: ${'volume'.padEnd(28)}${STATES.map((state) => state.padEnd(40)).join('')}`);
  for (const [i, name] of names.entries()) {
    t.comment(
      `figure: ${name.padEnd(28)}${STATES.map((state) => (rows[i]?.[state] ?? '').padEnd(40)).join('')}`,
    );
    t.same(rows[i], EXPECTED[name], name);
  }
  await turn(host, 'S5');
  const { result } = await host.give('volume.list', {});
  const notesOf = (name: string) => result?.volumes[names.indexOf(name)]?.notes;
  t.match(notesOf('XFS'), ['its log is clean']);
  t.match(
    notesOf('XFS, copied while mounted'),
    [/not unmounted/],
    'as a kernel left it, where it can mount one',
  );
  for (const [i, name] of names.entries()) {
    t.equal(
      await tried(host, `disk0p${i + 1}`),
      EXPECTED[name]?.S5,
      `${name}: orders are answered as the table says`,
    );
  }
  t.equal(await host.disk.hash(), before, 'looking changed nothing');
});

for (const [sleeper, make] of Object.entries(SLEEPERS)) {
  await t.test(`${sleeper}: nothing of the host may be written, and the evidence is named`, async (t) => {
    const makers = [VOLUME_CLASSES['ext4, clean'], VOLUME_CLASSES['FAT, clean'], make].filter(
      (m) => m !== undefined,
    );
    const host = await ColdHost.start({ image: await diskOf(place.dir, makers) });
    t.teardown(() => host.close());
    const listed = await host.give('volume.list', {});
    t.match(listed.result?.evidence, [{ volume: 'disk0p3', finding: 'hibernated' }]);
    for (const volume of listed.result?.volumes.slice(0, 2) ?? []) {
      t.match(volume, {
        read: { may: 'stale', why: { code: 'VOLUME_HIBERNATED', sentence: /disk0p3/ } },
        write: { may: 'no', why: { code: 'VOLUME_HIBERNATED', sentence: /disk0p3/ } },
      });
    }
    t.equal(listed.result?.volumes.length, 3);
    t.equal(await tried(host, 'disk0p1'), 'VOLUME_HIBERNATED / VOLUME_HIBERNATED');
    const stale = await host.give('file.list', { volume: 'disk0p1', path: '/', staleOk: true });
    t.equal(stale.result?.volume.stale, true);
  });
}
