import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { equalBytes, MiB, toHex } from '../../src/base/index.ts';
import { Freshness, publicKeyFromText, publicKeyText } from '../../src/security/index.ts';
import { Journal } from '../../src/tasks/index.ts';
import { type AgentLife, askAgent, buildAgent, startAgent } from '../kit/agent-program.ts';
import { makeExt4, run, scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { TestGovernor } from '../kit/governor.ts';
import { HardOperator } from '../kit/hard-operator.ts';
import { testKey } from '../kit/keys.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { type BookedOrder, bookOrder, mixedWishes, sha256, type Wish } from '../kit/order-book.ts';
import { endIn, whatDiffers } from '../kit/order-end.ts';
import { seededRandom } from '../kit/power-cut.ts';

t.setTimeout(600_000);

const KILLS = 200;
const LINES = 440;
const PUTS = 40;
const REMOVES = 10;
const LOCKS: readonly Wish[] = Array.from({ length: 10 }, (_, n) => ({
  is: 'lock',
  state: n % 2 === 0 ? 'disabled' : 'enabled',
}));
/** Kills spread over the orders that run side by side; the rest fall on the locks, one after another. */
const KILLS_SIDE_BY_SIDE = 185;
/** Fewer than the device takes, so that none is refused for want of room. */
const OPEN_MOST = 24;
const SEED = 20_261_121;
const PATIENCE = 120_000;

const TENANT = 'acme';
const DEVICE = 'host1';
const { dir, remove } = await scratch();
t.teardown(remove);
const image = join(dir, 'disk0.img');
const uart = join(dir, 'console.log');
const operator = testKey();
const security = testKey();
const secondOfficer = testKey();
const governor = new TestGovernor(TENANT);

await mkdir(join(dir, 'tree', 'srv'), { recursive: true });
await mkdir(join(dir, 'tree', 'old'));
for (let n = 0; n < REMOVES; n += 1) {
  await writeFile(join(dir, 'tree', 'old', String(n).padStart(4, '0')), `old ${n}\n`);
}
await makeExt4({ path: image, size: 24 * MiB, content: join(dir, 'tree') });
await writeFile(uart, '');
const broker = await startMosquitto({ extra: ['max_queued_messages 20000'] });
t.teardown(() => broker.close());
await writeFile(
  join(dir, 'agent.yaml'),
  JSON.stringify({
    device: DEVICE,
    tenant: TENANT,
    broker: broker.url,
    state: 'state',
    log: 'json',
    keyring: [
      { name: 'olga', role: 'operator', key: publicKeyText(operator.publicKey) },
      { name: 'sam', role: 'security', key: publicKeyText(security.publicKey) },
      { name: 'tess', role: 'security', key: publicKeyText(secondOfficer.publicKey) },
      { name: 'gov', role: 'governor', key: publicKeyText(governor.key.publicKey) },
    ],
    sim: { state: 'S5', switchDelayMs: 5, disks: [{ name: 'disk0', image }], uartLog: uart },
  }),
);
const program = await buildAgent(dir);
const identity = await askAgent(program, ['--config', join(dir, 'agent.yaml'), '--identity']);
const hard = new HardOperator({
  url: broker.url,
  tenant: TENANT,
  device: DEVICE,
  deviceKey: publicKeyFromText(identity.trim().split(': ')[1] ?? ''),
});
await hard.start();

const random = seededRandom(SEED);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const exp = Math.floor(Date.now() / 1000) + 7200;
const book: BookedOrder[] = [];
for (const [n, wish] of mixedWishes(LINES, PUTS, REMOVES).entries()) {
  book.push(
    await bookOrder(wish, n + 1, { key: operator, tenant: TENANT, device: DEVICE, exp }, n % 3 !== 0),
  );
}
const locks: BookedOrder[] = [];
for (const [n, wish] of LOCKS.entries()) {
  locks.push(
    await bookOrder(
      wish,
      n + 1,
      { key: security, cosigner: secondOfficer, governor, tenant: TENANT, device: DEVICE, exp },
      true,
    ),
  );
}

/** These kills fall on the very first starts, before a broker keeps anything for the device. */
const KILLS_BEFORE = 5;
let kills = 0;
let current: AgentLife | undefined;
t.teardown(() => current?.process.kill('SIGKILL'));
const met = hard.online(() => kills >= KILLS_BEFORE);
let over = false;

/** Gives orders as the kills go on, so that there is work under way at each of them. */
async function give(): Promise<void> {
  await met;
  for (const [n, order] of book.entries()) {
    const due = () => n < OPEN_MOST / 2 + (book.length * kills) / KILLS_SIDE_BY_SIDE;
    while (!due() || hard.open.length >= OPEN_MOST) await pause(5);
    await hard.send(order);
  }
  await eventually(() => hard.open.length === 0, PATIENCE);
  for (const order of locks) {
    await hard.send(order);
    await eventually(() => hard.open.length === 0, PATIENCE);
  }
}

/** Sends again what has no answer yet, and now and then what has one. */
async function repeat(stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    await pause(100);
    for (const order of hard.open) if (order.repeated && random() < 0.5) await hard.send(order);
    const answered = hard.given.filter(({ receipts, repeated }) => receipts.size > 0 && repeated);
    const again = answered[Math.floor(random() * answered.length)];
    if (again !== undefined) await hard.send(again);
  }
}

/** A moment to kill: while it starts and recovers, close behind something that it said, or well into its work. */
async function killMoment(): Promise<void> {
  const kind = random();
  if (kind < 0.45) return pause(random() * 700);
  if (kind < 0.8) {
    const nth = 1 + Math.floor(random() * 12);
    const after = random() * 12;
    let heard = 0;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, 3000);
      const stop = hard.onEvent(() => {
        heard += 1;
        if (heard < nth) return;
        clearTimeout(late);
        stop();
        resolve();
      });
    });
    return pause(after);
  }
  return pause(700 + random() * 2000);
}

/** Kills one life after the other, and gives the last, once it is up. */
async function killing(): Promise<AgentLife> {
  for (;;) {
    const life = startAgent(program, dir);
    current = life;
    if (kills === KILLS) {
      await hard.online();
      return life;
    }
    if (kills < KILLS_BEFORE) await pause(random() * 250);
    else await Promise.race([met.then(killMoment), life.ended]);
    if (life.process.exitCode !== null) {
      throw new Error(`the agent ended by itself:\n${await readFile(join(dir, 'agent.log'), 'utf8')}`);
    }
    life.process.kill('SIGKILL');
    await life.ended;
    kills += 1;
  }
}

const began = performance.now();
const giving = give();
const repeating = repeat(() => over);
const last = await killing();
const killed = performance.now();
await giving;
over = true;
await repeating;
// What is still on its way with the broker arrives too, and gets its copy of a receipt.
await pause(500);
last.process.kill('SIGTERM');
const lastEnd = await last.ended;
await hard.close();

const all = [...book, ...locks];
const receipts = all.flatMap((order) => [...order.receipts.values()]);
const outcomes = new Map<string, number>();
for (const { body } of receipts) outcomes.set(body.outcome, (outcomes.get(body.outcome) ?? 0) + 1);
t.comment(
  `figure: kills ${kills} in ${Math.round((killed - began) / 1000)} s, all answered after ${Math.round((performance.now() - began) / 1000)} s`,
);
t.comment(`figure: orders ${all.length}, packets sent ${all.reduce((sum, { sent }) => sum + sent, 0)}`);
t.comment(
  `figure: receipts ${receipts.length}, copies heard ${all.reduce((sum, { heard }) => sum + heard, 0)}, ` +
    [...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', '),
);

await t.test(
  'every order has exactly one terminal answer, however often it was sent and answered',
  async (t) => {
    t.equal(kills, KILLS);
    t.equal(lastEnd, 0, 'the last life ends as asked');
    t.equal(hard.foreign, 0);
    t.same(
      hard.rejected.map(({ refusal }) => refusal.code),
      [],
    );
    t.same(
      all.filter((order) => order.receipts.size !== 1).map((order) => [order.wish, order.receipts.size]),
      [],
    );
    for (const order of all)
      for (const { body } of order.receipts.values()) t.same(body.order, sha256(order.packet));
  },
);

await t.test(
  'each line was written once; not at all or once where the device says that it cannot know',
  async (t) => {
    const lines = (await readFile(uart, 'utf8')).split('\n').slice(0, -1);
    const count = new Map<string, number>();
    for (const line of lines) count.set(line, (count.get(line) ?? 0) + 1);
    const lost = { written: 0, not: 0 };
    for (const { wish, receipts } of book) {
      if (wish.is !== 'line') continue;
      const outcome = [...receipts.values()][0]?.body.outcome;
      const written = count.get(wish.line) ?? 0;
      if (outcome === 'unknown') {
        lost[written === 0 ? 'not' : 'written'] += 1;
        if (written > 1) t.fail(`${wish.line}: unknown, and written ${written} times`);
      } else if (outcome !== 'succeeded' || written !== 1) {
        t.fail(`${wish.line}: ${outcome}, written ${written} times`);
      }
      count.delete(wish.line);
    }
    t.same([...count], [], 'nothing else was written');
    t.comment(`figure: unknown ${lost.written + lost.not}, of them written ${lost.written}`);
  },
);

await t.test('each file is there, or gone, as ordered, on a volume that is whole', async (t) => {
  await run('e2fsck', ['-fn', image]);
  for (const { wish, receipts } of book) {
    if (wish.is === 'line' || wish.is === 'lock') continue;
    const answer = endIn([...receipts.values()][0]?.body);
    t.equal(answer, 'succeeded', `${wish.path}: ${answer}`);
    if (wish.is === 'remove') continue;
    const out = join(dir, 'out');
    await writeFile(out, '');
    await run('debugfs', ['-R', `dump ${wish.path} ${out}`, image]);
    const there = whatDiffers(await readFile(out), wish.content);
    t.equal(there, 'as ordered', `${wish.path}: ${there}`);
  }
  const names = (await run('debugfs', ['-R', 'ls -p /old', image]))
    .split('\n')
    .map((line) => line.split('/')[5]);
  t.same(
    names.filter((name) => /^\d/.test(name ?? '')),
    [],
  );
});

await t.test('the lock changed once for each order, and every order did it', async (t) => {
  const results = locks.map(({ receipts }) => [...receipts.values()][0]?.body);
  t.ok(results.every((body) => body?.outcome === 'succeeded'));
  const versions = results.map(
    (body) => (body?.result as { lock?: { version: number } } | undefined)?.lock?.version ?? 0,
  );
  // A release that a kill stops between its two copies is none: the start writes the lock again, under the next number.
  for (const [n, { wish }] of locks.entries()) {
    const step = versions[n]! - (versions[n - 1] ?? 0);
    const isRelease = wish.is === 'lock' && wish.state === 'enabled';
    t.ok(isRelease ? step % 2 === 1 && step > 0 : step === 1, `${versions.join(' ')}: step ${step} at ${n}`);
  }
});

await t.test('the receipts are one unbroken chain over all lives', async (t) => {
  const chain = receipts.sort((a, b) => a.body.seq - b.body.seq);
  let prev: Uint8Array = new Uint8Array(32);
  for (const [n, { packet, body }] of chain.entries()) {
    if (body.seq !== n + 1 || !equalBytes(body.prev, prev)) t.fail(`receipt ${body.seq} does not follow`);
    prev = sha256(packet);
  }
  t.equal(chain.length, all.length);
  t.comment(`figure: boots that answered ${new Set(chain.map(({ body }) => toHex(body.boot))).size}`);
});

await t.test('the journal opens and holds every answer', async (t) => {
  const store = await openFileStateStore(join(dir, 'state'));
  const journal = await Journal.open(store, 8 * MiB, new Freshness(), 1);
  t.equal(journal.openCount, 0);
  for (const { id, receipts } of all) {
    const done = journal.get(id)?.done;
    t.ok(
      done !== undefined && equalBytes(done.receipt, [...receipts.values()][0]?.packet ?? new Uint8Array()),
    );
  }
  t.same(
    (await store.names('')).filter((name) => name.startsWith('staged-')),
    [],
    'no staged file stays behind',
  );
  await journal.close();
});
