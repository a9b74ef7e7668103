import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { MiB, milliseconds } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import type { Ended } from '../kit/ended.ts';
import { eventually } from '../kit/eventually.ts';
import { seededRandom } from '../kit/power-cut.ts';

const noise = (size: number, seed: number): Buffer => {
  const random = seededRandom(seed);
  return Buffer.from(Uint8Array.from({ length: size }, () => Math.floor(random() * 256)));
};
const OLD = noise(300_000, 1);
const NEW = noise(700_000, 2);
const BIG = noise(6 * MiB, 3);
const HAND_BACK_MS = 2000;

const host = await ColdHost.start({
  size: 48,
  fill: async (tree) => {
    await mkdir(join(tree, 'srv'));
    await writeFile(join(tree, 'srv/big'), BIG);
    await mkdir(join(tree, 'many'));
    for (let i = 0; i < 300; i += 1) await writeFile(join(tree, 'many', `file-${i}`), 'x');
  },
});
t.teardown(() => host.close());
const [drive] = host.machine.drives;
const { host: power } = host.machine;
const pause = (ms: number) => systemClock.sleep(milliseconds(ms), new AbortController().signal);
const random = seededRandom(Number(process.env.SEED ?? 7));

/** What a task may end in where the host asked to wake in the middle of it. */
const ENDS = ['succeeded', 'refused HOST_WAKING', 'refused HOST_AWAKE'];

/** The host wakes at this moment of a task; gives how long its disk took to come home, by the switch itself. */
async function wakeDuring<T>(
  task: Promise<T>,
  moment: Moment,
  longest: number,
): Promise<{ end: T; tookMs: number }> {
  let asked: number | undefined;
  const wake = () => {
    asked ??= systemClock.monotonic();
    power.wake('test');
  };
  if ('share' in moment) {
    await pause(moment.share * longest);
    wake();
  } else {
    const first = host.writes;
    host.onWrite = (n) => {
      if (n - first === moment.write) wake();
      return undefined;
    };
    void task.then(wake);
    while (asked === undefined) await pause(1);
  }
  while (drive?.at !== 'host') await pause(1);
  const tookMs = systemClock.monotonic() - (asked ?? 0);
  host.onWrite = undefined;
  // It is never at both: the host runs only once its disk is home.
  await eventually(() => power.state === 'S0');
  return { end: await task, tookMs };
}

async function asleepAgain(): Promise<void> {
  power.set('S5', 'shut down');
  await eventually(async () => (await host.give('file.stat', { path: '/srv' })).outcome === 'succeeded');
}

const shown = (
  end: Ended<'file.list'> | Ended<'file.download'> | Ended<'file.delete'> | Ended<'file.upload'>,
) => (end.outcome === 'succeeded' ? 'succeeded' : `${end.outcome} ${end.code}`);

type AnyEnd = Ended<'file.list'> | Ended<'file.download'> | Ended<'file.delete'> | Ended<'file.upload'>;

/** When to wake the host: so much into the task, as a share of what it takes undisturbed, or at its nth write. */
type Moment = { readonly share: number } | { readonly write: number };

const moments = (count: number, writes = 0): Moment[] => [
  ...Array.from({ length: count }, () => ({ share: random() * 1.05 })),
  ...Array.from({ length: writes }, (_, n) => ({ write: n + 1 })),
];

async function manyWakes(
  t: Test,
  when: readonly Moment[],
  act: () => Promise<AnyEnd>,
  after: (outcome: string) => Promise<void>,
): Promise<void> {
  const ends = new Map<string, number>();
  const begun = systemClock.monotonic();
  t.equal((await act()).outcome, 'succeeded', 'undisturbed');
  const longest = systemClock.monotonic() - begun;
  await after('succeeded');
  for (const moment of when) {
    const task = act();
    const said = 'share' in moment ? `${Math.round(moment.share * longest)} ms` : `write ${moment.write}`;
    const { end, tookMs } = await wakeDuring(task, moment, longest);
    const what = shown(end);
    ends.set(what, (ends.get(what) ?? 0) + 1);
    t.ok(ENDS.includes(what), `at ${said}: ${what} ${end.sentence ?? ''}`);
    t.ok(tookMs <= HAND_BACK_MS, `home in ${Math.round(tookMs)} ms`);
    t.equal(await host.disk.faults(), '', 'the disk is whole while the host has it');
    await after(end.outcome);
    await asleepAgain();
  }
  t.comment([...ends].map(([what, count]) => `${what}: ${count}`).join(', '));
}

await t.test(
  'a host that wakes in the middle of a put has its disk in time, the file wholly old or new',
  async (t) => {
    t.match(await host.put('/srv/file', OLD), { outcome: 'succeeded' });
    let was = OLD;
    let next = NEW;
    await manyWakes(
      t,
      moments(6, 7),
      () => host.put('/srv/file', next, { replace: true }),
      async (outcome) => {
        const there = await host.disk.read('/srv/file');
        if (outcome === 'succeeded') t.ok(there?.equals(next), 'wholly new');
        else t.ok(there?.equals(was), 'wholly old');
        if (outcome === 'succeeded') was = next;
        // Bytes that the disk does not hold anywhere yet: content that lies there from before is not written again.
        next = noise(200_000 + Math.floor(random() * 600_000), random() * 2 ** 32);
      },
    );
  },
);

await t.test('in the middle of an rm', async (t) => {
  await manyWakes(
    t,
    moments(4, 6),
    () => host.give('file.delete', { path: '/srv/file' }),
    async (outcome) => {
      const there = await host.disk.read('/srv/file');
      t.equal(there === undefined, outcome === 'succeeded');
      if (outcome !== 'succeeded') return;
      await asleepAgain();
      t.match(await host.put('/srv/file', OLD), { outcome: 'succeeded' });
    },
  );
});

await t.test('in the middle of a get, which has the file or nothing', async (t) => {
  const get = async () => {
    const got = await host.get('/srv/big');
    if (got.outcome === 'succeeded') t.ok(BIG.equals(got.sink.finished ?? Buffer.alloc(0)));
    else t.equal(got.sink.finished, undefined);
    return got;
  };
  await manyWakes(t, moments(8), get, async () => {});
});

await t.test('in the middle of an ls', async (t) => {
  await manyWakes(
    t,
    moments(6),
    () => host.give('file.list', { path: '/', recursive: true }),
    async () => {},
  );
});

await t.test(
  'a drive so slow that a commit is cut in two: the host has it in time, and nothing is claimed',
  async (t) => {
    const was = noise(30_000, 50);
    const next = noise(40_000, 51);
    await host.give('file.delete', { path: '/srv/file' });
    t.match(await host.put('/srv/file', was), { outcome: 'succeeded' });
    const first = host.writes;
    const putting = host.put('/srv/file', next, { replace: true });
    let asked: number | undefined;
    host.onWrite = (n) => {
      if (n - first === 3) {
        asked = systemClock.monotonic();
        power.wake('test');
      }
      return n - first >= 3 ? pause(900) : undefined;
    };
    while (asked === undefined || drive?.at !== 'host') await pause(1);
    t.ok(systemClock.monotonic() - asked <= HAND_BACK_MS, 'home in time');
    await eventually(() => power.state === 'S0');
    const put = await putting;
    host.onWrite = undefined;
    t.match(put.outcome, /^(unknown|succeeded)$/, `${put.outcome} ${put.code ?? ''}`);
    t.ok(put.outcome === 'succeeded' || (put.remedy ?? '') !== '');
    power.set('S5', 'shut down');
    // Nothing else is written before the change that was cut off is brought to its end.
    await eventually(
      async () => (await host.put('/srv/other', was, { replace: true })).outcome === 'succeeded',
    );
    t.ok((await host.disk.read('/srv/file'))?.equals(next), 'wholly new');
    t.equal(await host.disk.faults(), '');
  },
);
