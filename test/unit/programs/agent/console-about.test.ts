import t from 'tap';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { seconds } from '../../../../src/base/index.ts';
import type { BusState } from '../../../../src/ports/index.ts';
import { BrokerLink } from '../../../../src/programs/agent/console-about.ts';
import { RecentLog } from '../../../../src/programs/agent/recent-log.ts';

await t.test('the last lines are kept, without secrets, and no more than so many', async (t) => {
  const passed: string[] = [];
  const recent = new RecentLog({ log: (_, event) => void passed.push(event) }, new VirtualClock());
  recent.log('info', 'mqtt.connect', { url: 'mqtt://olga:hunter2@broker', password: 'hunter2' });
  recent.log('debug', 'too-little');
  t.match(recent.last(10), [/^2026-\d\d-\d\d \d\d:\d\d:\d\d info {2}mqtt\.connect url=.*hidden/]);
  t.notMatch(recent.last(10).join('\n'), /hunter2/);
  for (let n = 0; n < 2000; n += 1) recent.log('warn', `event-${n}`, { text: 'x'.repeat(10_000) });
  t.equal(passed.length, 2002);
  t.equal(recent.last(9999).length, 500);
  t.match(recent.last(1), [/event-1999/]);
  t.ok(recent.last(500).every((line) => line.length < 420));
});

await t.test('since when there is no broker, and what was said last', async (t) => {
  let tell: (state: BusState) => void = () => undefined;
  const clock = new VirtualClock();
  const link = new BrokerLink(
    {
      onState: (listener) => {
        tell = listener;
        return () => undefined;
      },
    },
    clock,
  );
  t.match(link.lines, [/NOT CONNECTED since 2026/]);
  tell({ is: 'up', protocol: '5' });
  t.match(link.lines, [/ connected since /]);
  await clock.advance(seconds(60));
  tell({ is: 'down', reason: 'first' });
  const [since] = link.lines;
  await clock.advance(seconds(60));
  tell({ is: 'down', reason: `refused ${'x'.repeat(999)}` });
  t.equal(link.lines[0], since, 'it is the same outage');
  t.match(link.lines[1], /^last said: refused x{292} \(/);
  t.equal(link.up, false);
});
