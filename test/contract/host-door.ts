import t from 'tap';
import { HostDoor } from '../../src/adapters/local-ipmi/host-door.ts';
import { VirtualClock } from '../../src/adapters/sim/index.ts';
import { milliseconds, minutes, seconds } from '../../src/base/index.ts';
import { type BmcCommand, BmcCommands, type HostFrames } from '../../src/ipmi/index.ts';
import type { HostDevice } from '../kit/host-devices.ts';

const NONE = new Uint8Array(0);

function rig(device: HostDevice, frames: HostFrames) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log = { log: (level: string, event: string) => void lines.push(`${level} ${event}`) };
  const callers: string[] = [];
  const command = (code: number, answer: BmcCommand['answer']): BmcCommand => ({
    name: `command ${code}`,
    netFn: 6,
    code,
    from: { host: true },
    answer(data, caller, signal) {
      callers.push(caller.is);
      return answer(data, caller, signal);
    },
  });
  const commands = new BmcCommands({
    clock,
    log,
    commands: [
      command(1, (data) => data.slice(0, data.length).map((byte) => byte ^ 0xff)),
      command(2, async (_, __, signal) => {
        await clock.sleep(milliseconds(500), signal);
        return Uint8Array.of(2);
      }),
      command(3, () => new Uint8Array(2000)),
    ],
  });
  const door = new HostDoor({ name: '/dev/fake', open: () => device.open(), frames, commands, clock, log });
  t.teardown(() => clock.settle(door.close(), seconds(10)));
  return { clock, door, lines, callers };
}

/** What every way of a host to its BMC promises. */
export async function hostDoorContract(
  name: string,
  make: () => HostDevice,
  frames: HostFrames,
): Promise<void> {
  await t.test(`${name}: a request of the host is answered as the host's, soon`, async (t) => {
    const device = make();
    const { clock, callers, door } = rig(device, frames);
    await clock.advance(seconds(10));
    device.ask(0x18, 1, Uint8Array.of(0x0f));
    await clock.advance(milliseconds(110));
    t.same(device.answers, [{ netFnLun: 0x1c, command: 1, completion: 0, data: Uint8Array.of(0xf0) }]);
    t.same(callers, ['host']);
    t.same(door.state, { is: 'open' });
  });

  await t.test(`${name}: requests are answered one after another, each with its own answer`, async (t) => {
    const device = make();
    const { clock } = rig(device, frames);
    for (let n = 0; n < 300; n += 1) {
      device.ask(0x18, 1, Uint8Array.of(n & 0xff, 0x55));
      await clock.advance(milliseconds(110));
      t.same(device.answers.at(-1)?.data, Uint8Array.of(~n & 0xff, 0xaa));
    }
    t.equal(device.answers.length, 300);
  });

  await t.test(`${name}: what cannot be done has a completion code, LUN and netFn kept`, async (t) => {
    const device = make();
    const { clock } = rig(device, frames);
    const rows: [number, number, Uint8Array, number, number][] = [
      [0x18, 0x77, NONE, 0x1c, 0xc1],
      [0x19, 1, NONE, 0x1d, 0xc2],
      [0xfc, 1, NONE, 0xfc, 0xc1],
      [0x18, 3, NONE, 0x1c, 0xca],
    ];
    for (const [netFnLun, command, data, answered, completion] of rows) {
      device.ask(netFnLun, command, data);
      await clock.advance(milliseconds(110));
      t.same(device.answers.at(-1), { netFnLun: answered, command, completion, data: NONE });
    }
  });

  await t.test(
    `${name}: a host that begins anew gets the answer to its new request, and no old one`,
    async (t) => {
      const device = make();
      const { clock } = rig(device, frames);
      device.ask(0x18, 2, NONE);
      await clock.advance(milliseconds(110));
      device.reset();
      await clock.advance(milliseconds(110));
      device.ask(0x18, 1, Uint8Array.of(0));
      await clock.advance(seconds(2));
      t.same(device.answers, [{ netFnLun: 0x1c, command: 1, completion: 0, data: Uint8Array.of(0xff) }]);
    },
  );

  await t.test(`${name}: a host that does not take its answer holds nothing up for long`, async (t) => {
    const device = make();
    const { clock, lines } = rig(device, frames);
    device.deaf = true;
    device.ask(0x18, 1, Uint8Array.of(1));
    await clock.advance(seconds(8));
    t.ok(lines.includes('debug host-door.answer-lost'));
    device.ask(0x18, 1, Uint8Array.of(2));
    await clock.advance(milliseconds(110));
    device.deaf = false;
    device.reset();
    device.ask(0x18, 1, Uint8Array.of(3));
    await clock.advance(milliseconds(110));
    t.same(
      device.answers.map(({ data }) => [...data]),
      [[0xfc]],
    );
  });

  await t.test(`${name}: a message without end, or without beginning, breaks nothing`, async (t) => {
    const device = make();
    const { clock, door } = rig(device, frames);
    for (let size = 0; size < 5; size += 1) {
      device.askRaw(new Uint8Array(size).fill(0x18));
      await clock.advance(milliseconds(110));
    }
    device.askRaw(new Uint8Array(1024).fill(0xff));
    await clock.advance(milliseconds(110));
    const before = device.answers.length;
    t.ok(
      device.answers.every(
        ({ completion }) => completion === 0xc7 || completion === 0xc1 || completion === 0xc2,
      ),
    );
    device.ask(0x18, 1, Uint8Array.of(1));
    await clock.advance(milliseconds(110));
    t.equal(device.answers.length, before + 1);
    t.same(door.state, { is: 'open' });
  });

  await t.test(`${name}: a device that fails is told, and opened anew, less and less often`, async (t) => {
    const device = make();
    const { clock, door, lines } = rig(device, frames);
    await clock.advance(milliseconds(110));
    device.fail();
    await clock.advance(milliseconds(110));
    t.match(door.state, { is: 'broken', reason: 'the device is gone' });
    await clock.advance(seconds(1));
    t.same(door.state, { is: 'open' });
    device.ask(0x18, 1, Uint8Array.of(1));
    await clock.advance(milliseconds(110));
    t.equal(device.answers.length, 1);

    const opened = device.opened;
    for (let n = 0; n < 600; n += 1) {
      device.fail();
      await clock.advance(milliseconds(500));
    }
    t.ok(device.opened - opened < 20, `${device.opened - opened} times in five minutes`);
    t.ok(lines.filter((line) => line === 'warn host-door.broken').length <= device.opened);
  });

  await t.test(`${name}: a device that is not there is no error, and is found when it comes`, async (t) => {
    const device = make();
    device.absent = true;
    const { clock, door, lines } = rig(device, frames);
    await clock.advance(minutes(5));
    t.same(door.state, { is: 'absent' });
    t.same(lines, ['info host-door.absent']);
    device.absent = false;
    await clock.advance(seconds(31));
    t.same(door.state, { is: 'open' });
  });

  await t.test(
    `${name}: the host is told that something waits, also by a device that comes later`,
    async (t) => {
      const device = make();
      device.absent = true;
      const { clock, door } = rig(device, frames);
      await clock.advance(seconds(1));
      door.attention(true);
      t.same(device.attention, []);
      device.absent = false;
      await clock.advance(seconds(31));
      t.same(device.attention, [true]);
      door.attention(false);
      t.same(device.attention, [true, false]);
      device.fail();
      await clock.advance(seconds(31));
      t.same(device.attention, [true, false], 'nothing waits any more');
    },
  );

  await t.test(`${name}: closing ends it at once, also in the middle of a request`, async (t) => {
    const device = make();
    const { clock, door } = rig(device, frames);
    device.ask(0x18, 2, NONE);
    await clock.advance(milliseconds(110));
    const before = clock.monotonic();
    await clock.settle(door.close(), seconds(10));
    t.equal(clock.monotonic(), before);
    t.same(door.state, { is: 'closed' });
  });
}
