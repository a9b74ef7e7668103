import fc from 'fast-check';
import t from 'tap';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { milliseconds, minutes, seconds } from '../../../src/base/index.ts';
import { type FleetDoor, FleetWatch, frameEvent, type HostRow } from '../../../src/web/index.ts';
import { statusResult } from '../../kit/status-result.ts';

interface Heard {
  readonly event: string;
  readonly data: unknown;
}

/** As a browser reads an event stream. */
function read(stream: string): Heard[] {
  return stream
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((block) => block.split(/\r\n|\n|\r/))
    .flatMap((lines) => {
      const field = (name: string): string[] =>
        lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      const data = field('data');
      return data.length === 0 ? [] : [{ event: field('event')[0] ?? '', data: JSON.parse(data.join('\n')) }];
    });
}

/** A page, and what it was told. */
function openPage(watch: FleetWatch) {
  const leaving = new AbortController();
  let stream = '';
  watch.open((text) => {
    stream += text;
    return true;
  }, leaving.signal);
  return {
    heard: () => read(stream),
    rows: (): Map<string, HostRow> => {
      const told = read(stream).filter(({ event }) => event === 'rows');
      return new Map(told.flatMap(({ data }) => data as HostRow[]).map((row) => [row.name, row]));
    },
    leave: () => leaving.abort(),
  };
}

function fleetOf(
  count: number,
  look: FleetDoor['look'] = async () => ({ reach: 'answers', lines: [], result: statusResult() as never }),
  refresh = minutes(15),
) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const ended = new AbortController();
  const door: FleetDoor = {
    tenant: 'acme',
    hosts: Array.from({ length: count }, (_, i) => ({ name: `h${i}`, groups: [] })),
    look: (host, ...rest) => {
      asked.push(host);
      return look(host, ...rest);
    },
    listen: async () => () => {},
    eachHost: async (names, work) => {
      for (const name of names) await work(name);
    },
  };
  const watch = new FleetWatch(door, clock, { refresh, version: '1', signal: ended.signal });
  return { clock, asked, watch, ended };
}

await t.test('whatever a text holds, it is one event that reads as it was', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (says) => {
      const tenant = {
        refreshSeconds: 0,
        tenant: says,
        version: `${says}\r\n\r\nevent: rows\ndata: []\n\n\u2028`,
      };
      const heard = read(frameEvent('hello', tenant));
      return heard.length === 1 && JSON.stringify(heard[0]?.data) === JSON.stringify(tenant);
    }),
  );
});

await t.test('a page gets all rows at once, and then those that change', async (t) => {
  const { clock, watch, asked } = fleetOf(1200);
  const page = openPage(watch);
  t.same(
    page.heard().map(({ event }) => event),
    ['hello', 'rows', 'rows', 'rows', 'whole'],
  );
  t.equal(page.rows().get('h7')?.reach, 'not asked');
  for (let turn = 0; turn < 20; turn += 1) await clock.advance(seconds(1));
  t.equal(asked.length, 1200, 'each host is asked once');
  t.match(page.rows().get('h1199'), { reach: 'answers', asking: false, power: 'S5', lock: 'enabled' });
});

await t.test('nobody is asked while no page is open, and soon after the last has gone', async (t) => {
  const gates: (() => void)[] = [];
  const { clock, watch, asked } = fleetOf(50, async () => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return { reach: 'answers', lines: [], result: undefined };
  });
  await clock.advance(minutes(60));
  t.equal(asked.length, 0);
  const page = openPage(watch);
  await clock.advance(seconds(1));
  t.equal(asked.length, 1, 'one is on its way, as the window of this test has it');
  page.leave();
  gates[0]?.();
  await clock.advance(minutes(60));
  t.equal(asked.length, 1, 'the 49 others were not signed');
});

await t.test('who looks away for a moment finds the hosts asked that were left out', async (t) => {
  const gates: (() => void)[] = [];
  const { clock, watch, asked } = fleetOf(3, async () => {
    if (gates.length === 0) await new Promise<void>((resolve) => gates.push(resolve));
    return { reach: 'answers', lines: [], result: undefined };
  });
  openPage(watch).leave();
  gates[0]?.();
  await clock.advance(seconds(1));
  t.equal(asked.length, 1);
  const page = openPage(watch);
  await clock.advance(seconds(1));
  t.same(asked, ['h0', 'h1', 'h2']);
  t.equal(page.rows().get('h2')?.reach, 'answers');
});

await t.test('hosts are asked again while a page is open, and not for each page that opens', async (t) => {
  const { clock, watch, asked } = fleetOf(2, undefined, minutes(1));
  const first = openPage(watch);
  await clock.advance(seconds(10));
  first.leave();
  const again = openPage(watch);
  await clock.advance(seconds(10));
  t.equal(asked.length, 2, 'what was said ten seconds ago is shown');
  t.equal(again.rows().get('h1')?.reach, 'answers');
  await clock.advance(seconds(50));
  t.equal(asked.length, 4);
});

await t.test('what a device said last stays, with why there is nothing newer', async (t) => {
  let reach: 'answers' | 'offline' = 'answers';
  const { clock, watch } = fleetOf(1, async () =>
    reach === 'answers'
      ? { reach, lines: [], result: { ...statusResult(), limits: [`${'x'.repeat(500)}\u001b[2J`] } as never }
      : { reach, lines: ['unreachable: the device is \u202eoffline'], result: undefined },
  );
  const page = openPage(watch);
  await clock.advance(seconds(1));
  const before = page.rows().get('h0');
  t.equal(before?.says.length, 120, 'no text without end');
  reach = 'offline';
  watch.ask(['h0', 'nobody']);
  await clock.advance(seconds(1));
  t.match(page.rows().get('h0'), { reach: 'offline', power: 'S5', at: before?.at, asking: false });
  t.equal(page.rows().get('h0')?.says, 'unreachable: the device is \\u{202e}offline');
});

await t.test('a page that does not read is left, and the others are told all the same', async (t) => {
  const { clock, watch } = fleetOf(3);
  let calls = 0;
  watch.open(() => {
    calls += 1;
    return calls < 4;
  }, new AbortController().signal);
  const page = openPage(watch);
  for (let turn = 0; turn < 10; turn += 1) await clock.advance(milliseconds(300));
  t.equal(calls, 4);
  t.equal(page.rows().get('h2')?.reach, 'answers');
});

await t.test('when all of it ends, no host stays in question', async (t) => {
  const { clock, watch, ended, asked } = fleetOf(
    3,
    (_host, _verb, _args, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  );
  const page = openPage(watch);
  await clock.advance(seconds(1));
  ended.abort(new Error('Ctrl-C'));
  await clock.advance(seconds(1));
  t.equal(page.rows().get('h0')?.asking, false);
  t.equal(asked.length, 1);
});
