import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { disksToProbe } from '../../src/tasks/file/drive-locks.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { makeFat } from '../kit/fat-volume.ts';
import { discoveryAnswer } from '../kit/opal.ts';

const content = Buffer.from('what is on the disk\n');

async function coldHost(t: Test) {
  const host = await ColdHost.start({ size: 8, fill: (tree) => writeFile(join(tree, 'file'), content) });
  t.teardown(() => host.close());
  const drive = host.machine.bay('disk0')?.drive;
  if (drive === undefined) throw new Error('no drive');
  return { host, drive };
}

/** Every order to the disk is declined with this sentence, and the list of volumes says so of the disk. */
async function closed(t: Test, host: ColdHost, sentence: RegExp): Promise<void> {
  const before = await host.disk.hash();
  const refused = { outcome: 'refused', code: 'DISK_LOCKED', sentence, remedy: /./ };
  t.match(await host.give('file.list', { path: '/' }), refused);
  t.match(await host.give('file.list', { volume: 'disk0p1', path: '/' }), refused);
  t.match(await host.give('file.list', { volume: 'LABEL=root', path: '/' }), refused);
  t.match(await host.get('/file'), refused);
  t.match(await host.put('/new', content), refused);
  t.match(await host.give('file.delete', { path: '/file' }), refused);
  t.match(await host.give('file.list', { volume: 'disk7', path: '/' }), {
    outcome: 'refused',
    code: 'NO_SUCH_VOLUME',
  });
  const listed = await host.give('volume.list', {});
  t.match(listed.result, {
    volumes: [],
    disks: [{ name: 'disk0', why: { code: 'DISK_LOCKED', sentence, remedy: /./ } }],
    evidence: [{ volume: 'disk0', finding: 'hidden' }],
  });
  t.equal(await host.disk.hash(), before);
}

await t.test(
  "a drive with a stranger's password is named, with who can open it, and works once it is open",
  async (t) => {
    const { host, drive } = await coldHost(t);
    const password = new Uint8Array(32).fill(7);
    drive.command({ is: 'set-password', password, maximum: true });
    t.match(await host.get('/file'), { outcome: 'succeeded' }, 'it locks at its next power-on only');
    drive.powerOn();
    await closed(t, host, /^disk0 is locked by a password \(ATA security\) that is not from this device\.$/);
    drive.command({ is: 'unlock', password });
    t.match(await host.get('/file'), { outcome: 'succeeded' });
  },
);

await t.test('a locked self-encrypting drive is named', async (t) => {
  const { host, drive } = await coldHost(t);
  drive.opal = { answer: discoveryAnswer(0b00000011), locked: false };
  t.match(await host.get('/file'), { outcome: 'succeeded' }, 'locking is switched on, and it is open');
  drive.opal = { answer: discoveryAnswer(0b00000111), locked: true };
  await closed(t, host, /^disk0 is locked \(Opal 2\)\.$/);
});

await t.test(
  'the small disk that a locked drive shows in its place is not taken for the contents',
  async (t) => {
    const { host, drive } = await coldHost(t);
    const path = join(host.dir, 'shadow');
    await makeFat(path, ['-F', '16', '-s', '1'], 4200);
    drive.opal = {
      answer: discoveryAnswer(0b00010111),
      locked: true,
      shadow: new Uint8Array(await readFile(path)),
    };
    await closed(t, host, /^disk0 shows a shadow in place of its contents, and is locked \(Opal 2\)\.$/);
  },
);

await t.test(
  'what this device locked itself is said to be so; a drive that does not tell is read',
  async (t) => {
    const { host, drive } = await coldHost(t);
    drive.command({ is: 'set-password', password: new Uint8Array(32), maximum: true });
    drive.powerOn();
    const bay = host.machine.bay('disk0')!;
    const lines: string[] = [];
    const log = { log: (_: string, event: string) => void lines.push(event) };
    const leases = new Map([['disk0', {}]]) as unknown as Parameters<typeof disksToProbe>[1];
    const { signal } = new AbortController();
    const asked = (services: object) =>
      disksToProbe(
        { clock: host.clock, log, drives: [bay], ...services } as Parameters<typeof disksToProbe>[0],
        leases,
        signal,
      );
    const ours = { driveLocks: { fact: async () => 'locked' as const } };
    t.match(await asked(ours), [
      { refusal: { code: 'DISK_LOCKED', sentence: /this device gave it/, remedy: /Enable/ } },
    ]);
    t.match(await asked({}), [{ refusal: { code: 'DISK_LOCKED', sentence: /not from this device/ } }]);
    const { NsError } = await import('../../src/base/index.ts');
    const mute = { disk: 'disk0', read: () => Promise.reject(new NsError('NS_DRIVE_SECURITY', 'no answer')) };
    t.same(Object.keys((await asked({ drives: [mute] }))[0] ?? {}), ['disk', 'device']);
    t.same(lines, ['drive-lock.not-told']);
  },
);
