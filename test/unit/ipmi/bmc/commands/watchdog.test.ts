import t from 'tap';
import { milliseconds, refusal, seconds } from '../../../../../src/base/index.ts';
import type { commands } from '../../../../../src/ipmi/index.ts';
import { bmcBench, HOST } from '../../../../kit/bmc-bench.ts';

const settings: commands.WatchdogSettings = { use: 'sms-os', action: 'hard-reset', initial: seconds(10) };

void t.test('a countdown that nobody resets ends in what the host asked for, once', async (t) => {
  const { client, clock, machine, ask } = await bmcBench();
  const host = client(HOST);
  t.equal((await ask(0x06, 0x22, '', HOST)).completion, 0x80, 'it was never set');
  await host.setWatchdog(settings);
  t.match(await host.watchdog(), { running: false, initial: 10_000, left: 10_000, expired: [] });
  await host.resetWatchdog();
  await clock.advance(seconds(9));
  t.match(await host.watchdog(), { running: true, left: 1000 });
  await host.resetWatchdog();
  await clock.advance(milliseconds(9900));
  t.same(machine.orders, []);
  await clock.advance(seconds(60));
  t.same(machine.orders, ['reset by host']);
  t.match(await host.watchdog(), { running: false, expired: ['sms-os'] });
  t.match(await client().restartCause(), { cause: 'watchdog' });
  t.match(await client().sel(), [{ sentence: 'Watchdog 2: hard reset' }]);
  await host.setWatchdog({ ...settings, clear: ['sms-os'] });
  t.match(await host.watchdog(), { expired: [] });
});

void t.test('each action is the order of that name, and none is none', async (t) => {
  for (const [action, orders] of [
    ['none', []],
    ['hard-reset', ['reset by host']],
    ['power-down', ['off by host']],
    ['power-cycle', ['cycle by host']],
  ] as const) {
    const { client, clock, machine } = await bmcBench();
    await client(HOST).setWatchdog({ ...settings, action });
    await client(HOST).resetWatchdog();
    await clock.advance(seconds(11));
    t.same(machine.orders, orders, action);
  }
});

void t.test('it stops when the host goes down, and switches none on', async (t) => {
  const { client, clock, machine } = await bmcBench();
  await client(HOST).setWatchdog({ ...settings, action: 'power-cycle' });
  await client(HOST).resetWatchdog();
  machine.becomes('S5');
  t.match(await client().watchdog(), { running: false });
  await clock.advance(seconds(60));
  await client().resetWatchdog();
  await clock.advance(seconds(60));
  t.same(machine.orders, []);
  t.match(await client().sel(), [{ sentence: 'Watchdog 2: timer expired' }]);
  t.equal(machine.state, 'S5');
});

void t.test('a host that is not certainly on is left alone', async (t) => {
  for (const state of ['S3', 'unknown'] as const) {
    const { client, clock, machine } = await bmcBench();
    machine.state = state;
    machine.certain = state !== 'unknown';
    await client(HOST).setWatchdog(settings);
    await client(HOST).resetWatchdog();
    await clock.advance(seconds(60));
    t.same(machine.orders, [], state);
  }
});

void t.test('before the end it warns, by an NMI or by a flag at the host', async (t) => {
  const raised: boolean[] = [];
  const { client, clock, machine, ask } = await bmcBench({ attention: (up) => raised.push(up) });
  const host = client(HOST);
  await host.setWatchdog({ ...settings, preTimeoutInterrupt: 'nmi', preTimeout: seconds(3) });
  await host.resetWatchdog();
  await clock.advance(seconds(7));
  t.same(machine.orders, ['nmi by host']);
  await clock.advance(seconds(3));
  t.same(machine.orders, ['nmi by host', 'reset by host']);
  t.match(await client().sel(), [
    { sentence: 'Watchdog 2: timer interrupt' },
    { sentence: 'Watchdog 2: hard reset' },
  ]);
  await host.setWatchdog({ ...settings, preTimeoutInterrupt: 'messaging', preTimeout: seconds(3) });
  await host.resetWatchdog();
  await clock.advance(seconds(7));
  t.same(raised, [true]);
  t.same((await ask(0x06, 0x31, '', HOST)).data, Uint8Array.of(0x08));
  await ask(0x06, 0x30, '08', HOST);
  t.same((await ask(0x06, 0x31, '', HOST)).data, Uint8Array.of(0x00));
  t.same(raised, [true, false]);
  t.equal((await ask(0x06, 0x24, '04 11 03 00 6400', HOST)).completion, 0xcc, 'no board can raise an SMI');
});

void t.test('it can run on while it is set anew, and keep quiet', async (t) => {
  const { client, clock, machine, sel } = await bmcBench();
  const host = client(HOST);
  await host.setWatchdog({ ...settings, logs: false });
  await host.resetWatchdog();
  await clock.advance(seconds(5));
  await host.setWatchdog({ ...settings, logs: false, keepRunning: true });
  t.match(await host.watchdog(), { running: true, left: 10_000, logs: false });
  await host.setWatchdog({ ...settings, logs: false });
  t.match(await host.watchdog(), { running: false });
  await host.resetWatchdog();
  await clock.advance(seconds(11));
  t.same(machine.orders, ['reset by host']);
  t.equal(sel.records.length, 0);
});

void t.test('an order that is refused is in the log, and no restart is said to be its doing', async (t) => {
  const { client, clock, machine, lines } = await bmcBench();
  machine.refusal = refusal('DISABLED');
  await client(HOST).setWatchdog(settings);
  await client(HOST).resetWatchdog();
  await clock.advance(seconds(11));
  t.same(lines, ['warn watchdog.refused']);
  machine.becomes('S5');
  machine.becomes('S0');
  t.match(await client().restartCause(), { cause: 'unknown' });
});
