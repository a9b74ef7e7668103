import fc from 'fast-check';
import t from 'tap';
import {
  AtaFault,
  COMMAND,
  decodeFis,
  encodeFis,
  encodeIdentity,
  type Fis,
  FisHost,
  millis,
} from '../../../../src/sata-chain/index.ts';
import { pipePair } from '../../../kit/fis-pipes.ts';
import { TurnScheduler } from '../../../kit/turn-scheduler.ts';

type H2D = Extract<Fis, { type: 'register-h2d' }>;
type D2H = Extract<Fis, { type: 'register-d2h' }>;
type Bits = Extract<Fis, { type: 'set-device-bits' }>;

const endOf = (command: Promise<unknown>): Promise<string> =>
  command.then(
    () => 'done',
    (error: unknown) => (error instanceof AtaFault ? `${error.kind} ${error.lba}` : String(error)),
  );
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
};
const registers = (over: Partial<D2H> = {}): Fis => ({
  type: 'register-d2h',
  port: 0,
  interrupt: true,
  status: 0x50,
  error: 0,
  lba: 0,
  device: 0,
  count: 0,
  echo: 0,
  ...over,
});
const signature = (echo: number): Fis => registers({ error: 1, lba: 1, count: 1, echo });
const bits = (over: Partial<Bits>): Fis => ({
  type: 'set-device-bits',
  port: 0,
  interrupt: true,
  notification: false,
  status: 0x40,
  error: 0,
  active: 0,
  ...over,
});
const setup = (tag: number, toHost: boolean, offset: number, count: number): Fis => ({
  type: 'dma-setup',
  port: 0,
  toHost,
  interrupt: false,
  autoActivate: !toHost,
  bufferLow: tag,
  bufferHigh: 0,
  offset,
  count,
});
const data = (length: number): Fis => ({ type: 'data', port: 0, payload: new Uint8Array(length).fill(3) });
const identity = encodeIdentity({
  serial: 'A',
  firmware: '1',
  model: 'M',
  sectors: 1000,
  sectorSize: 512,
  physicalSectorSize: 512,
  features: { ncqDepth: 32, trim: true, fua: true, writeCache: true, smart: true },
  rotation: 1,
  generation: 3,
});

/** A host whose device is this function; what it leaves to `sound` is done as a device should. */
function scripted(device: (fis: H2D, say: (...fises: Fis[]) => void, sound: () => void) => void) {
  const pipes = pipePair({ capacity: 64 });
  const scheduler = new TurnScheduler();
  const say = (...fises: Fis[]): void => {
    for (const fis of fises) pipes.inject('host', encodeFis(fis));
  };
  const sound = (fis: H2D): void => {
    const tag = fis.count >> 3;
    if (!fis.isCommand) {
      if (fis.control === 0) say(signature(fis.auxiliary));
    } else if (fis.command === COMMAND.identifyDevice) say({ type: 'data', port: 0, payload: identity });
    else if (fis.command === COMMAND.readFpdmaQueued) {
      const bytes = fis.features * 512;
      say(registers(), setup(tag, true, 0, bytes), data(bytes), bits({ active: (1 << tag) >>> 0 }));
    } else say(registers());
  };
  pipes.device.onFis((bytes) => {
    const fis = decodeFis(bytes);
    if (fis.type === 'register-h2d') device(fis, say, () => sound(fis));
  });
  const host = new FisHost(pipes.host, scheduler, {
    deadline: millis(3),
    resetDeadline: millis(1),
    resetTries: 2,
  });
  return { host, pipes, scheduler, say };
}

const breaches: [string, (tag: number) => Fis[]][] = [
  ['ends a read before its data', (tag) => [bits({ active: (1 << tag) >>> 0 })]],
  [
    'ends a read after half its data',
    (tag) => [setup(tag, true, 0, 512), data(512), bits({ active: (1 << tag) >>> 0 })],
  ],
  ['ends a tag that is not in use', () => [bits({ active: 0x8000_0000 })]],
  ['sends data without a setup', () => [data(512)]],
  ['sends more data than it set up', (tag) => [setup(tag, true, 0, 512), data(1024)]],
  ['sets up more than was asked for', (tag) => [setup(tag, true, 0, 2048)]],
  ['sets up data behind a gap', (tag) => [setup(tag, true, 512, 512)]],
  ['sets up the other way', (tag) => [setup(tag, false, 0, 1024)]],
  ['sets up a tag that is not in use', (tag) => [setup((tag + 7) % 32, true, 0, 512)]],
  ['sets up a tag beyond all', () => [setup(4_000_000_000, true, 0, 512)]],
  ['sets up twice', (tag) => [setup(tag, true, 0, 512), setup(tag, true, 0, 512)]],
  ['asks for data of a read', () => [{ type: 'dma-activate', port: 0 }]],
  [
    'sets up a block that nobody wants',
    () => [
      registers(),
      { ...(registers() as D2H), type: 'pio-setup', toHost: true, endStatus: 0, transferCount: 512 } as Fis,
    ],
  ],
  ['fails without anything in its log', () => [bits({ status: 0x41, error: 4 })]],
  ['resets itself', () => [signature(0)]],
];

for (const [what, breach] of breaches) {
  await t.test(`a device that ${what}: NS_ATA_LINK, and all is well after a reset`, async (t) => {
    let once = true;
    const { host } = scripted((fis, say, sound) => {
      if (fis.command === COMMAND.readFpdmaQueued && once) {
        once = false;
        say(...breach(fis.count >> 3));
      } else if (fis.command === COMMAND.readLogExt) say(data(512));
      else sound();
    });
    t.match(await endOf(host.read(1, new Uint8Array(1024))), /^LINK/);
    const into = new Uint8Array(1024);
    t.equal(await endOf(host.read(1, into)), 'done');
    t.ok(into.every((byte) => byte === 3));
  });
}

await t.test('the error of a queued command is the one in the log', async (t) => {
  const logOf = (tag: number, error: number, lba: number): Fis => {
    const page = new Uint8Array(512);
    page.set([tag, 0, 0x41, error, lba & 0xff, lba >> 8]);
    page[511] = -page.reduce((sum, byte) => sum + byte, 0) & 0xff;
    return { type: 'data', port: 0, payload: page };
  };
  for (const [error, lba, seen] of [
    [0x40, 5, 'MEDIUM 5'],
    [0x10, 6, 'RANGE 6'],
    [0x40, 7, 'MEDIUM undefined'],
    [0x84, 5, 'LINK undefined'],
    [0x04, 5, 'ABORTED undefined'],
  ] as const) {
    let tag = 0;
    const { host } = scripted((fis, say, sound) => {
      if (fis.command === COMMAND.readLogExt) say(logOf(tag, error, lba));
      else if (fis.command === COMMAND.readFpdmaQueued) {
        tag = fis.count >> 3;
        say(registers(), bits({ status: 0x41, error }));
      } else sound();
    });
    t.equal(await endOf(host.read(5, new Uint8Array(1024))), seen);
  }
});

await t.test('a device whose queue fails again and again wears nobody out', async (t) => {
  let under: number[] = [];
  const { host } = scripted((fis, say, sound) => {
    if (fis.command === COMMAND.readLogExt) {
      const page = new Uint8Array(512);
      page.set([under.at(-1)!, 0, 0x41, 0x40]);
      page[511] = -page.reduce((sum, byte) => sum + byte, 0) & 0xff;
      under = [];
      say({ type: 'data', port: 0, payload: page });
    } else if (fis.command === COMMAND.readFpdmaQueued) {
      under.push(fis.count >> 3);
      if (under.length === 2) say(bits({ status: 0x41, error: 0x40 }));
    } else sound();
  });
  const ended: number[] = [];
  const commands = Array.from({ length: 100 }, (_, i) =>
    endOf(host.read(i, new Uint8Array(512))).then((end) => {
      ended.push(i);
      return end;
    }),
  );
  for (const end of await Promise.all(commands)) t.match(end, /LINK|MEDIUM/);
  t.ok(ended.indexOf(0) < 90, `the first one ended as number ${ended.indexOf(0)}`);
});

await t.test('a late answer to an earlier reset is not taken for the last one', async (t) => {
  const resets: number[] = [];
  let commands = 0;
  const { host, say } = scripted((fis, _say, sound) => {
    if (!fis.isCommand && fis.control === 0) resets.push(fis.auxiliary);
    else if (fis.isCommand) {
      commands += 1;
      sound();
    }
  });
  const end = endOf(host.identify());
  while (resets.length < 2) await turns(5);
  say(signature(resets[0]!));
  await turns(5);
  t.same([resets.length, commands], [2, 0]);
  say(signature(resets[1]!));
  t.equal(await end, 'done');
});

await t.test('an identity of junk, or none, brings no device up', async (t) => {
  const junk: Fis = { type: 'data', port: 0, payload: new Uint8Array(512).fill(0xa5) };
  for (const answer of [junk, registers({ status: 0x51, error: 4 }), undefined]) {
    const { host } = scripted((fis, say, sound) => {
      if (fis.command === COMMAND.identifyDevice) {
        if (answer !== undefined) say(answer);
      } else sound();
    });
    t.match(await endOf(host.read(0, new Uint8Array(512))), /^LINK/);
  }
});

await t.test('SMART is good, failing, or junk', async (t) => {
  for (const [lba, seen] of [
    [0xc24f00, 'good'],
    [0x2cf400, 'failing'],
    [0x123456, undefined],
  ] as const) {
    const { host } = scripted((fis, say, sound) => {
      if (fis.command === COMMAND.smart) say(registers({ lba }));
      else sound();
    });
    if (seen === undefined) await t.rejects(host.smartStatus(), { code: 'NS_ATA_LINK' });
    else t.equal(await host.smartStatus(), seen);
  }
});

await t.test('whatever a device says, every command ends, and a sound device is used again', async () => {
  const fis = fc.oneof(
    fc
      .record({ tag: fc.nat(31), toHost: fc.boolean(), offset: fc.nat(4), count: fc.nat(4) })
      .map(({ tag, toHost, offset, count }) => encodeFis(setup(tag, toHost, offset * 512, count * 512))),
    fc.nat(0xff).map((active) => encodeFis(bits({ active }))),
    fc.nat(0xff).map((active) => encodeFis(bits({ active, status: 0x41, error: 0x40 }))),
    fc.constantFrom(4, 512, 1024, 8192).map((length) => encodeFis(data(length))),
    fc
      .constantFrom(registers(), registers({ status: 0x51, error: 4 }), signature(0), signature(1))
      .map(encodeFis),
    fc.constant(encodeFis({ type: 'dma-activate', port: 0 })),
    fc.uint8Array({ maxLength: 40 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fis, { maxLength: 50 }), async (stream) => {
      let mad = true;
      const left = [...stream];
      const { host, pipes, scheduler } = scripted((_fis, _say, sound) => {
        for (let i = 0; mad && i < 2; i += 1) {
          const next = left.shift();
          if (next !== undefined) pipes.inject('host', next);
        }
        sound();
      });
      const commands = Array.from({ length: 12 }, (_, i) =>
        endOf(i % 4 === 3 ? host.flush() : host.read(i, new Uint8Array(1024))),
      );
      await Promise.all(commands);
      mad = false;
      await turns(50);
      await endOf(host.flush());
      const into = new Uint8Array(1024);
      const end = await endOf(host.read(0, into));
      if (end !== 'done' || into.some((byte) => byte !== 3)) throw new Error(end);
      if (scheduler.pending > 0) throw new Error('a timer was left behind');
    }),
    { numRuns: 150 },
  );
});
