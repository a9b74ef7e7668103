import fc from 'fast-check';
import t from 'tap';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { milliseconds, minutes, seconds, toHex } from '../../../src/base/index.ts';
import type { DeviceEvent, ResultOf } from '../../../src/protocol/index.ts';
import { HostLooks } from '../../../src/web/host-looks.ts';
import type { FleetDoor, HostTasks, SensorNews, TaskLine } from '../../../src/web/index.ts';
import {
  afterEvent,
  afterList,
  inOrder,
  MOST_TASKS,
  NO_TASKS,
  type TaskLines,
} from '../../../src/web/task-lines.ts';

const head = { v: 1, device: 'h0', boot: new Uint8Array(16) };
const idOf = (n: number): Uint8Array => new Uint8Array(16).fill(n);
const accepted = (n: number): DeviceEvent => ({ ...head, event: 'accepted', id: idOf(n) });
const progress = (n: number, done: number): DeviceEvent => ({
  ...head,
  event: 'progress',
  id: idOf(n),
  seq: done,
  stage: 'writing\u001b[2J',
  done,
  total: 10,
  unit: 'bytes',
});
type Outcome = TaskLine['state'] & Extract<DeviceEvent, { event: 'receipt' }>['outcome'];
const receipt = (n: number, outcome: Outcome, verb = 'file.download'): DeviceEvent => ({
  ...head,
  event: 'receipt',
  id: idOf(n),
  verb,
  order: new Uint8Array(32),
  issuer: new Uint8Array(8).fill(0xaa),
  askers: [{ key: new Uint8Array(8), name: 'olga', role: 'operator' }],
  outcome,
  ...(outcome === 'refused' ? { refusal: { code: 'DISK_BUSY', sentence: 'x'.repeat(900), remedy: '' } } : {}),
  power: [],
  receivedAt: 0,
  tookMs: 12,
  seq: 1,
  prev: new Uint8Array(32),
});
const listed = (...tasks: [number, 'running' | 'accepted'][]): ResultOf<'task.list'> => ({
  tasks: tasks.map(([n, state]) => ({
    id: idOf(n),
    verb: 'file.download',
    state,
    issuer: new Uint8Array(8),
  })),
});

await t.test('a task is told of from its beginning to its end, and never goes back', async (t) => {
  let lines: TaskLines = afterList(NO_TASKS, listed([1, 'accepted']), 5);
  t.match(inOrder(lines), [{ verb: 'file.download', by: 'key 0000000000000000', state: 'queued' }]);
  lines = afterEvent(lines, progress(1, 3), 6);
  t.match(inOrder(lines), [{ state: 'running', done: 3, total: 10, stage: 'writing\\u{1b}[2J', at: 6 }]);
  lines = afterEvent(lines, receipt(1, 'refused'), 7);
  const [ended] = inOrder(lines);
  t.match(ended, { state: 'refused', by: 'olga', tookMs: 12, why: /^DISK_BUSY: x+…$/ });
  t.equal(ended?.why.length, 300, 'no text without end');
  t.equal(afterEvent(lines, progress(1, 4), 8), lines, 'late news are no news');
  t.equal(afterEvent(lines, accepted(1), 8), lines);
  t.match(inOrder(afterList(lines, listed([1, 'running']), 8)), [{ state: 'refused' }]);
});

await t.test("what only looks at the device, the page's own orders among it, is not listed", async (t) => {
  let lines = afterEvent(NO_TASKS, accepted(2), 1);
  t.equal(lines.size, 1);
  lines = afterEvent(lines, receipt(2, 'succeeded', 'machine.status'), 1);
  t.equal(lines.size, 0);
  t.equal(afterEvent(lines, receipt(3, 'succeeded', 'sensor.read'), 1), lines);
});

await t.test('however much a device says, the lines are few, and those under way stay', async () => {
  const event = fc.tuple(fc.nat(255), fc.nat(2));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), (said) => {
      let lines = afterEvent(NO_TASKS, progress(255, 1), 0);
      for (const [i, [n, kind]] of said.entries()) {
        const id = n % 255;
        const news = [progress(id, 1), receipt(id, 'failed'), receipt(id, 'succeeded')][kind];
        if (news !== undefined) lines = afterEvent(lines, news, i);
        if (lines.size > MOST_TASKS) return false;
      }
      const order = inOrder(lines).map(({ state }) => state === 'running');
      const ended = order.indexOf(false);
      return order[0] === true && (ended < 0 || !order.slice(ended).includes(true));
    }),
    { numRuns: 40 },
  );
});

function bench(result: (verb: string) => unknown = () => undefined, deaf?: FleetDoor['listen']) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const takers = new Set<(event: DeviceEvent) => void>();
  const door: FleetDoor = {
    tenant: 'acme',
    hosts: [],
    look: async (host, verb, _args, signal) => {
      signal.throwIfAborted();
      asked.push(`${host} ${verb}`);
      return { reach: 'answers', lines: ['gone: \u001b[2J'], result: result(verb) as never };
    },
    listen:
      deaf ??
      (async (_host, take) => {
        takers.add(take);
        return () => takers.delete(take);
      }),
    eachHost: async () => {},
  };
  const looks = new HostLooks(door, clock);
  const page = (stream: string) => {
    const leaving = new AbortController();
    const heard: { event: string; data: unknown }[] = [];
    looks.open(
      stream,
      (frame) => {
        const [event = '', data = ''] = frame.split('\n');
        heard.push({ event: event.slice(7), data: JSON.parse(data.slice(6)) });
        return true;
      },
      leaving.signal,
    );
    const of = <T>(event: string): T[] =>
      heard.filter((each) => each.event === event).map(({ data }) => data as T);
    return {
      tasks: () => of<HostTasks>('tasks').at(-1),
      sensors: () => of<SensorNews>('sensors'),
      you: () => of('you'),
      leave: () => leaving.abort(),
    };
  };
  const say = (event: DeviceEvent): void => {
    for (const take of takers) take(event);
  };
  return { clock, asked, takers, looks, page, say };
}

const SENSORS: ResultOf<'sensor.read'> = {
  sensors: [
    { name: 'inlet\u202e', kind: 'temperature', unit: 'm°C', value: 50_000, high: 45_000 },
    { name: 'fan', kind: 'fan', unit: 'rpm', fault: 'it does not answer' },
  ],
  left: 0,
};

await t.test('a page that looks at a host hears of its tasks as they go, without asking again', async (t) => {
  const { clock, asked, looks, page, say, takers } = bench((verb) =>
    verb === 'task.list' ? listed() : undefined,
  );
  const first = page('1');
  t.same(first.you(), [{ stream: '1' }]);
  t.ok(looks.look('1', 'h0', false));
  await clock.advance(seconds(1));
  t.match(first.tasks(), { host: 'h0', whole: true, tasks: [] });
  say(progress(1, 1));
  say(progress(1, 2));
  await clock.advance(seconds(1));
  t.match(first.tasks()?.tasks, [{ id: toHex(idOf(1)), state: 'running', done: 2 }]);
  say(receipt(1, 'succeeded'));
  await clock.advance(seconds(1));
  t.match(first.tasks()?.tasks, [{ state: 'succeeded', verb: 'file.download' }]);
  t.same(asked, ['h0 task.list'], 'one order in all, and no sensor is read');
  looks.look('1', undefined, false);
  t.equal(takers.size, 0, 'nobody listens any more');
  await clock.advance(minutes(10));
  t.equal(asked.length, 1);
  t.equal(clock.waiting, 0);
});

await t.test('sensors are read while a page wants them, for an hour at most', async (t) => {
  const { clock, asked, looks, page } = bench((verb) => (verb === 'sensor.read' ? SENSORS : undefined));
  const first = page('1');
  looks.look('1', 'h0', true);
  await clock.advance(seconds(1));
  t.match(first.sensors(), [
    {
      host: 'h0',
      says: '',
      nextMs: 10_000,
      sensors: [
        { name: 'inlet\\u{202e}', state: 'high', value: 50_000 },
        { name: 'fan', state: 'no reading', value: undefined, says: 'it does not answer' },
      ],
    },
  ]);
  t.match(
    first.tasks(),
    { whole: false, says: 'gone: \\u{1b}[2J', tasks: [] },
    'why it is not known is said',
  );
  for (let minute = 0; minute < 90; minute += 1) await clock.advance(minutes(1));
  t.equal(first.sensors().length, 360);
  t.equal(first.sensors().at(-1)?.nextMs, undefined, 'the last says that it is the last');
  looks.look('1', 'h0', true);
  for (let turn = 0; turn < 10; turn += 1) await clock.advance(seconds(10));
  t.equal(first.sensors().length, 370, 'whoever is still there asks for more');
  looks.look('1', 'h0', false);
  const before = asked.length;
  await clock.advance(minutes(5));
  t.equal(asked.length, before);
});

await t.test('two pages on one host have it read once, until both have gone', async (t) => {
  const { clock, asked, looks, page } = bench((verb) => (verb === 'sensor.read' ? SENSORS : listed()));
  const [first, second] = [page('1'), page('2')];
  looks.look('1', 'h0', true);
  looks.look('2', 'h0', true);
  await clock.advance(milliseconds(10_500));
  t.ok(asked.filter((verb) => verb === 'h0 sensor.read').length <= 3);
  t.equal(asked.filter((verb) => verb === 'h0 task.list').length, 1);
  first.leave();
  await clock.advance(seconds(10));
  t.ok(second.sensors().length > first.sensors().length);
  second.leave();
  const before = asked.length;
  await clock.advance(minutes(5));
  t.equal(asked.length, before);
  t.equal(clock.waiting, 0, 'no timer is left behind');
  t.notOk(looks.look('1', 'h0', true), 'who has gone looks no more');
});

await t.test('a device that speaks of tasks it never lists is not asked all the time', async (t) => {
  const { clock, asked, looks, page, say } = bench((verb) => (verb === 'task.list' ? listed() : undefined));
  page('1');
  looks.look('1', 'h0', false);
  for (let second = 0; second < 60; second += 1) {
    say(accepted(second));
    await clock.advance(seconds(1));
  }
  t.ok(asked.length <= 5, `${asked.length} orders in a minute`);
});

await t.test(
  'a page that does not read takes nothing from the others, and nobody is left behind',
  async (t) => {
    const { clock, looks, page, say } = bench((verb) => (verb === 'task.list' ? listed() : undefined));
    const leaving = new AbortController();
    looks.open('slow', () => false, leaving.signal);
    looks.look('slow', 'h0', false);
    const second = page('2');
    looks.look('2', 'h0', false);
    say(progress(1, 1));
    await clock.advance(seconds(1));
    t.match(second.tasks()?.tasks, [{ state: 'running' }]);
    leaving.abort();
    say(progress(1, 2));
    await clock.advance(seconds(1));
    t.match(second.tasks()?.tasks, [{ done: 2 }]);
    second.leave();
    t.equal(clock.waiting, 0);
  },
);

await t.test('where a device cannot be listened to, that is said', async (t) => {
  const { clock, looks, page } = bench(
    (verb) => (verb === 'task.list' ? listed() : undefined),
    () => Promise.reject(new Error('no connection\u001b')),
  );
  const first = page('1');
  looks.look('1', 'h0', false);
  await clock.advance(seconds(1));
  t.match(first.tasks(), {
    whole: false,
    says: 'nothing is heard of tasks as they go: no connection\\u{1b}',
  });
});

await t.test(
  'a task whose end was not heard is asked after, and left out once it is not listed',
  async (t) => {
    const { clock, asked, looks, page, say } = bench((verb) => (verb === 'task.list' ? listed() : undefined));
    const first = page('1');
    looks.look('1', 'h0', false);
    await clock.advance(seconds(20));
    say({ ...progress(1, 1) });
    await clock.advance(seconds(1));
    for (let turn = 0; turn < 90; turn += 1) await clock.advance(seconds(1));
    t.same(first.tasks()?.tasks, []);
    t.ok(asked.length <= 4, `${asked.length} orders`);
  },
);
