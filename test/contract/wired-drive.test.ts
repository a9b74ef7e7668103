import { mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { HeldLine } from '../../src/adapters/linux/gpio/lines.ts';
import { WiredDrive, type WiredDriveOptions } from '../../src/adapters/linux/wired-drive.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { milliseconds } from '../../src/base/index.ts';
import { driveSwitchContract } from './drive-switch.ts';

const dir = await mkdtemp(join(tmpdir(), 'nightshift-wired-'));
t.teardown(() => rm(dir, { recursive: true }));
const never = new AbortController().signal;
let made = 0;

/** A switch: while its line is active the drive is to be seen, a moment after. */
class Wires implements HeldLine {
  readonly use = 'output';
  readonly path: string;
  readonly done: string[] = [];
  value: 0 | 1 = 0;
  parted = 0;
  joined = 0;

  constructor(path: string) {
    this.path = path;
  }

  async read(): Promise<0 | 1> {
    return this.value;
  }

  async write(active: 0 | 1): Promise<void> {
    if (active === this.value) return;
    this.done.push(`line ${active}`);
    this.value = active;
    if (active === 0) this.parted = performance.now();
    else this.joined = performance.now();
    const [from, to] = active === 1 ? [`${this.path}.host`, this.path] : [this.path, `${this.path}.host`];
    if (active === 0) await rename(from, to);
    else setTimeout(() => void rename(from, to).catch(() => {}), 20);
  }

  onChange(): () => void {
    return () => {};
  }
}

async function wired(change: Partial<WiredDriveOptions> = {}): Promise<{ drive: WiredDrive; wires: Wires }> {
  made += 1;
  const path = join(dir, `disk${made}`);
  await writeFile(`${path}.host`, '');
  await truncate(`${path}.host`, 8192);
  const wires = new Wires(path);
  const drive = new WiredDrive({
    disk: 'disk0',
    path,
    line: wires,
    ownPower: true,
    settle: milliseconds(2000),
    handBack: milliseconds(2000),
    apart: milliseconds(0),
    clock: systemClock,
    log: { log: () => {} },
    detach: async () => void wires.done.push('detached'),
    ...change,
  });
  return { drive, wires };
}

await driveSwitchContract('a drive behind a line', async () => ({
  drive: (await wired()).drive,
  run: (movement) => movement,
  now: () => systemClock.monotonic(),
}));

await t.test('the kernel is told that the drive goes before its wires part', async (t) => {
  const { drive, wires } = await wired();
  await drive.take(never);
  await drive.giveBack();
  t.same(wires.done, ['line 1', 'detached', 'line 0']);
});

await t.test('the wires stay apart long enough to be noticed before it is taken again', async (t) => {
  const { drive, wires } = await wired({ apart: milliseconds(300) });
  await drive.take(never);
  await drive.giveBack();
  const apart = wires.parted;
  await drive.take(never);
  t.ok(apart > 0 && wires.joined - apart >= 299, `${wires.joined - apart} ms`);
  await drive.giveBack();
  const overtaken = drive.take(never);
  await drive.giveBack();
  await t.rejects(overtaken, { code: 'NS_SWITCH' });
  t.equal(wires.value, 0);
});

await t.test('a drive that does not show is given back to the host, and said', async (t) => {
  const { drive, wires } = await wired({ settle: milliseconds(60), path: join(dir, 'nowhere') });
  await t.rejects(drive.take(never), {
    code: 'NS_SWITCH',
    message: /did not show at .*nowhere within 60 ms/,
  });
  t.equal(wires.value, 0);
  t.equal(await drive.position(), 'host');
});

await t.test('a drive without a switch is ours while it is open, and cannot be held', async (t) => {
  const path = join(dir, 'fixed');
  await writeFile(path, Buffer.alloc(4096, 7));
  const drive = new WiredDrive({
    disk: 'disk0',
    path,
    ownPower: false,
    settle: milliseconds(0),
    handBack: milliseconds(2000),
    clock: systemClock,
    log: { log: () => {} },
  });
  t.same(drive.capabilities.hold, false);
  const device = await drive.take(never);
  const into = new Uint8Array(1);
  await device.read(4095, into);
  t.equal(into[0], 7);
  t.equal(await drive.position(), 'ours');
  await t.rejects(drive.hold(), { code: 'NS_NOT_SUPPORTED' });
  await drive.giveBack();
  t.equal(await drive.position(), 'host');
});
