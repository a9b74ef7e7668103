import t from 'tap';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { boardChannels, type EnrolledChannel } from '../../../../src/board/index.ts';
import { encodeFru } from '../../../../src/ipmi/index.ts';
import { readDescription } from '../../../../src/programs/agent/board-parts.ts';
import { type BoardHands, doStep } from '../../../../src/programs/agent/board-test-run.ts';
import { filesOf } from '../../../kit/compute-module.ts';

await t.test('a memory is proven by what it holds; a light is put back, whatever comes', async (t) => {
  const evb = await readDescription('ast2600-evb');
  const [fru] = evb.channels.filter(({ name }) => name === 'board-fru');
  const inventory = encodeFru({ records: [], internalUse: Uint8Array.of(1, 2, 3) });
  const memory = new Uint8Array(256).fill(0xff);
  const values: Record<string, number | Uint8Array> = { 'board-fru': memory, lamp: 1 };
  const written: number[] = [];
  const over = new AbortController();
  const lamp = { name: 'lamp', kind: 'led', unit: 'state', readable: true, writable: true } as const;
  const channels = [...boardChannels({ channels: [fru!, lamp] })];
  const hands: BoardHands = {
    clock: systemClock,
    released: 0,
    io: { channels: () => channels, read: async (name) => values[name]! },
    write: async (name, value) => {
      written.push(value);
      values[name] = value;
      if (written.length === 1) over.abort(new Error('left'));
    },
  };
  const look = (channel: EnrolledChannel) =>
    doStep({ name: 'one', look: { at: 'channel', channel } }, hands, new AbortController().signal);
  t.match(await look(fru!), { is: 'proven', says: /EMPTY: no FRU was written/ });
  memory.set(inventory);
  t.match(await look(fru!), { is: 'proven', says: /FRU, whose sums are right/ });
  memory[0] = 2;
  t.match(await look(fru!), { is: 'failed', says: /FRU\) is damaged/ });
  values['board-fru'] = memory.subarray(0, 128);
  t.match(await look(fru!), { is: 'failed', says: /128 bytes, not 256/ });
  await t.rejects(doStep({ name: 'lamp', look: { at: 'light', channel: lamp } }, hands, over.signal), {
    message: 'left',
  });
  t.same(written, [0, 1], 'somebody left while it was dark, and it is lit again');
  const gnss: EnrolledChannel = {
    name: 'gnss',
    kind: 'gnss',
    unit: 'nmea',
    readable: true,
    writable: false,
    at: { on: 'gnss', path: '/dev/ttyS9', baud: 9600 },
  };
  channels.push(...boardChannels({ channels: [gnss] }));
  const beside = {
    ...hands,
    tryUart: async () => {},
    files: filesOf(
      new Map([
        ['/proc/812/fd/7', 'ttyS9'],
        ['/proc/812/comm', 'gpsd'],
      ]),
    ),
  };
  t.match(
    await doStep(
      { name: 'one', look: { at: 'channel', channel: gnss } },
      beside,
      new AbortController().signal,
    ),
    { is: 'not tried', says: '/dev/ttyS9 is held by gpsd (812)' },
  );
  const { at: _, ...console } = gnss;
  t.match(await look({ ...console, name: 'console', kind: 'uart' }), { is: 'absent' });
  t.match(await look({ ...gnss, name: 'other' }), { is: 'failed', says: /no such channel/ });
  values.gnss = Buffer.from('$GPRMC');
  t.match(await look(gnss), { is: 'proven' });
});
