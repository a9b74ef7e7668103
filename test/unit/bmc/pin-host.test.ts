import t from 'tap';
import { SimIo } from '../../../src/adapters/sim/io.ts';
import { VirtualClock } from '../../../src/adapters/sim/virtual-clock.ts';
import { milliseconds, seconds } from '../../../src/base/index.ts';
import { FusedPower, PinHost, PinPowerSource, type SignalLine } from '../../../src/bmc/index.ts';
import type { Channel } from '../../../src/ports/index.ts';
import { hostPowerContract } from '../../contract/host-power.ts';

const LINES: readonly SignalLine[] = [
  { signal: 'ps-pwrok', channel: 'pwrok', activeLow: false },
  { signal: 'sio-s3', channel: 'slp-s3-n', activeLow: true },
  { signal: 'sio-s5', channel: 'slp-s5-n', activeLow: true },
];
const gpio = (name: string, writable: boolean): Channel => ({
  name,
  kind: 'gpio',
  readable: true,
  writable,
  unit: 'state',
  ...(writable ? { minimum: 0, maximum: 1, safe: 0 } : {}),
});
const CHANNELS = [
  ...['pwrok', 'slp-s3-n', 'slp-s5-n', 'button-in'].map((name) => gpio(name, false)),
  ...['button-out', 'reset-out', 'nmi-out'].map((name) => gpio(name, true)),
];
const LEVELS = {
  S0: { pwrok: 1, 'slp-s3-n': 1, 'slp-s5-n': 1 },
  S3: { pwrok: 0, 'slp-s3-n': 0, 'slp-s5-n': 1 },
  S5: { pwrok: 0, 'slp-s3-n': 0, 'slp-s5-n': 0 },
  unknown: { pwrok: 1, 'slp-s3-n': 0, 'slp-s5-n': 0 },
} as const;
type Wired = keyof typeof LEVELS;

/** A board with a host that starts when its button is pressed, and stops when it is held. */
function board() {
  const clock = new VirtualClock();
  const io = new SimIo(clock, CHANNELS);
  const put = (state: Wired): void => {
    for (const [line, level] of Object.entries(LEVELS[state])) io.force(line, level);
  };
  put('S5');
  const presses: number[] = [];
  let down = 0;
  io.watch('button-out', (value) => {
    if (value === 1) {
      down = clock.monotonic();
      return;
    }
    const held = clock.monotonic() - down;
    presses.push(held);
    put(held >= 4000 ? 'S5' : 'S0');
  });
  const host = new PinHost({
    io,
    clock,
    buttons: { powerIn: 'button-in', powerOut: 'button-out', resetOut: 'reset-out', nmiOut: 'nmi-out' },
  });
  const power = new FusedPower({
    sources: [new PinPowerSource(io, LINES)],
    guard: host,
    states: ['S0', 'S3', 'S4', 'S5', 'G3'],
    clock,
    log: { log: () => {} },
  });
  const press = async (ms: number): Promise<void> => {
    io.force('button-in', 1);
    await clock.advance(milliseconds(ms));
    io.force('button-in', 0);
    await clock.advance(milliseconds(1));
  };
  return { clock, io, host, power, press, presses, put };
}

await hostPowerContract('pins', async () => {
  const { clock, power, put, press } = board();
  return {
    power,
    enter: async (state) => {
      put(state as Wired);
      await clock.advance(milliseconds(1));
    },
    askToWake: () => press(100),
    settle: async () => clock.advance(seconds(10)),
  };
});

await t.test('lines that say different things leave the state unknown', async (t) => {
  const { io, power } = board();
  io.force('pwrok', 1);
  t.match(await power.read(), {
    state: 'unknown',
    certain: false,
    fusion: 'contradiction',
    sources: { 'ps-pwrok': 'high', 'sio-s3': 'asserted', 'sio-s5': 'asserted' },
  });
});

await t.test('a line that cannot be read leaves the state unknown', async (t) => {
  const { io, power } = board();
  io.setFailing('slp-s3-n', true);
  t.match(await power.read(), { state: 'unknown', fusion: 'missing' });
});

await t.test('off holds the button, soft presses it, on is refused while masked', async (t) => {
  const { clock, host, power, presses } = board();
  await clock.settle(host.drive('on'), seconds(1));
  t.equal((await power.read()).state, 'S0');
  await clock.settle(host.drive('off'), seconds(6));
  t.equal((await power.read()).state, 'S5');
  t.ok(presses[0]! < 1000 && presses[1]! >= 4000);
  await host.maskPowerOn(true);
  await t.rejects(host.drive('on'), { code: 'NS_POWER' });
  t.equal(presses.length, 2);
});

await t.test('a finger that stays on the button is passed on as long as it stays', async (t) => {
  const { clock, host, press, presses } = board();
  host.onWakeRequest(() => void host.allowWake());
  await press(4500);
  await clock.advance(seconds(1));
  t.equal(presses.length, 1);
  t.ok(presses[0]! >= 4400 && presses[0]! <= 4700);
});

await t.test('two orders at once are two presses, one after the other', async (t) => {
  const { clock, host, presses } = board();
  await clock.settle(Promise.all([host.drive('on'), host.drive('soft')]), seconds(2));
  t.equal(presses.length, 2);
});

await t.test('promise 1: a button that is held to switch off is not pressed again behind it', async (t) => {
  const { clock, host, power, presses, put } = board();
  put('S0');
  const off = host.drive('off');
  await clock.advance(seconds(2));
  const again = host.drive('off');
  await t.rejects(
    host.drive('soft'),
    { code: 'NS_POWER' },
    'on a host that is off by then it would switch on',
  );
  await clock.settle(Promise.all([off, again]), seconds(20));
  await clock.advance(seconds(10));
  t.equal(presses.length, 1);
  t.equal((await power.read()).state, 'S5');
  put('S0');
  await clock.settle(host.drive('soft'), seconds(1));
  t.equal(presses.length, 2, 'later it is pressed as ever');
});

await t.test(
  'promise 6: what waited for the button when it was masked is not pressed any more',
  async (t) => {
    const { clock, host, presses, press } = board();
    const off = host.drive('off');
    const on = host.drive('on');
    await clock.advance(seconds(1));
    await press(10);
    const all = Promise.allSettled([off, on, host.allowWake()]);
    await host.maskPowerOn(true);
    const masked = { status: 'rejected', reason: { code: 'NS_POWER', message: /masked/ } };
    t.match(await clock.settle(all, seconds(20)), [{ status: 'fulfilled' }, masked, masked]);
    t.equal(presses.length, 1, 'only the one that switches off');
  },
);
