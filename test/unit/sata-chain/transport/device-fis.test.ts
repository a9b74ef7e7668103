import fc from 'fast-check';
import t from 'tap';
import {
  BlockDrive,
  COMMAND,
  decodeFis,
  encodeFis,
  type Fis,
  FisDevice,
  millis,
  type SataTarget,
} from '../../../../src/sata-chain/index.ts';
import { BadSectorDevice } from '../../../kit/bad-sectors.ts';
import { pipePair } from '../../../kit/fis-pipes.ts';
import { TurnScheduler } from '../../../kit/turn-scheduler.ts';

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
};
type H2D = Extract<Fis, { type: 'register-h2d' }>;

/** A device, spoken to FIS by FIS. */
async function bare(wrap: (drive: SataTarget) => SataTarget = (drive) => drive) {
  const pipes = pipePair({ capacity: 64 });
  const disk = new BadSectorDevice('disk', 512);
  const device = new FisDevice(
    pipes.device,
    wrap(new BlockDrive(disk, { serial: 'A' })),
    new TurnScheduler(),
    {
      patience: millis(1),
    },
  );
  const heard: Fis[] = [];
  pipes.host.onFis((bytes) => heard.push(decodeFis(bytes)));
  const give = (fis: Partial<H2D>): void => {
    const base = {
      type: 'register-h2d',
      port: 0,
      isCommand: true,
      command: 0,
      features: 0,
      lba: 0,
      device: 0x40,
    } as const;
    pipes.host.send(encodeFis({ ...base, count: 0, icc: 0, control: 0, auxiliary: 0, ...fis }));
  };
  /** What the device says until it has been silent for a while. */
  const says = async (fis?: Partial<H2D>): Promise<Fis[]> => {
    if (fis !== undefined) give(fis);
    await turns(12);
    return heard.splice(0);
  };
  return { pipes, disk, device, give, says };
}

await t.test('after power-on the signature comes, and after SRST again, with its number', async (t) => {
  const { says } = await bare();
  t.match(await says(), [{ type: 'register-d2h', status: 0x50, error: 1, count: 1, lba: 1, echo: 0 }]);
  t.same(await says({ isCommand: false, control: 4, auxiliary: 77 }), []);
  t.same(await says({ command: COMMAND.flushCacheExt }), [], 'no command counts during SRST');
  t.match(await says({ isCommand: false, control: 0, auxiliary: 77 }), [
    { error: 1, count: 1, lba: 1, echo: 77 },
  ]);
  t.same(await says({ isCommand: false, control: 8 }), [], 'a control FIS without SRST changes nothing');
});

await t.test('commands that are aborted: dangerous ones and unknown ones', async (t) => {
  const { says } = await bare();
  await says();
  for (const command of [
    COMMAND.nop,
    COMMAND.securitySetPassword,
    COMMAND.securityUnlock,
    COMMAND.securityEraseUnit,
    COMMAND.securityFreezeLock,
    COMMAND.securityErasePrepare,
    COMMAND.securityDisablePassword,
    COMMAND.sanitize,
    COMMAND.downloadMicrocode,
    COMMAND.downloadMicrocodeDma,
    COMMAND.setMax,
    COMMAND.setMaxExt,
    COMMAND.deviceConfiguration,
    0x45,
    0xff,
  ]) {
    t.match(
      await says({ command }),
      [{ type: 'register-d2h', status: 0x51, error: 4 }],
      command.toString(16),
    );
  }
  t.match(await says({ command: COMMAND.smart, features: 0xda, lba: 0x1234 }), [{ status: 0x51, error: 4 }]);
  t.match(await says({ command: COMMAND.setFeatures, features: 0x05 }), [{ status: 0x51, error: 4 }]);
  t.match(await says({ command: COMMAND.readLogExt, lba: 0x30, count: 1 }), [{ status: 0x51, error: 4 }]);
  t.match(await says({ command: COMMAND.dataSetManagement, features: 1, count: 9 }), [
    { status: 0x51, error: 4 },
  ]);
});

await t.test('power, settings and size commands are answered', async (t) => {
  const { says, disk } = await bare();
  await says();
  for (const command of [
    COMMAND.idleImmediate,
    COMMAND.standbyImmediate,
    COMMAND.standby,
    COMMAND.idle,
    COMMAND.sleep,
  ]) {
    t.match(await says({ command }), [{ type: 'register-d2h', status: 0x50, error: 0 }]);
  }
  t.equal(disk.calls.filter((call) => call.verb === 'flush').length, 3, 'standby and sleep flush');
  t.match(await says({ command: COMMAND.checkPowerMode }), [{ count: 0xff }]);
  t.match(await says({ command: COMMAND.readNativeMaxExt }), [{ lba: 511 }]);
  t.match(await says({ command: COMMAND.executeDiagnostic }), [{ error: 1, count: 1, lba: 1 }]);
  t.match(await says({ command: COMMAND.readVerify, lba: 500, count: 12 }), [{ status: 0x50 }]);
  t.match(await says({ command: COMMAND.readVerify, lba: 500, count: 13 }), [
    { status: 0x51, error: 0x10, lba: 512 },
  ]);
});

await t.test('with the write cache off every write is flushed, until COMRESET', async (t) => {
  const { says, disk, device, pipes } = await bare();
  await says();
  const write = async (): Promise<string[]> => {
    disk.calls.length = 0;
    t.match(await says({ command: COMMAND.writeDmaExt, lba: 1, count: 1 }), [{ type: 'dma-activate' }]);
    pipes.host.send(encodeFis({ type: 'data', port: 0, payload: new Uint8Array(512) }));
    t.match(await says(), [{ type: 'register-d2h', status: 0x50 }]);
    return disk.calls.map((call) => call.verb);
  };
  t.same(await write(), ['write']);
  await says({ command: COMMAND.setFeatures, features: 0x82 });
  t.same(await write(), ['write', 'flush']);
  device.comreset();
  await says();
  t.same(await write(), ['write']);
});

await t.test('IDENTIFY comes by programmed input', async (t) => {
  const { says } = await bare();
  await says();
  const [setup, data, ...rest] = await says({ command: COMMAND.identifyDevice });
  t.match(setup, { type: 'pio-setup', toHost: true, status: 0x58, endStatus: 0x50, transferCount: 512 });
  t.equal(data?.type === 'data' && data.payload.byteLength, 512);
  t.same(rest, []);
});

await t.test(
  'a failed queued command: set device bits with the error, then the log, then business as usual',
  async (t) => {
    const { says, disk, give } = await bare();
    await says();
    disk.bad.add(40);
    const failed = await says({ command: COMMAND.readFpdmaQueued, lba: 39, features: 4, count: 5 << 3 });
    t.match(failed, [
      { type: 'register-d2h', status: 0x50, interrupt: false },
      { type: 'set-device-bits', status: 0x41, error: 0x40, active: 0 },
    ]);
    t.same(
      await says({ command: COMMAND.readFpdmaQueued, lba: 0, features: 1, count: 0 }),
      [],
      'ends with the queue',
    );
    t.match(await says({ command: COMMAND.flushCacheExt }), [{ status: 0x51, error: 4 }]);
    const [, log] = await says({ command: COMMAND.readLogExt, lba: 0x10, count: 1 });
    const page = log?.type === 'data' ? log.payload : new Uint8Array(0);
    t.same([page[0], page[2], page[3], page[4]], [5, 0x41, 0x40, 40]);
    t.equal(page.reduce((sum, byte) => sum + byte, 0) & 0xff, 0);
    give({ command: COMMAND.readFpdmaQueued, lba: 0, features: 1, count: 0 });
    t.match((await says()).at(-1), { type: 'set-device-bits', status: 0x40, active: 1 });
    const [, empty] = await says({ command: COMMAND.readLogExt, lba: 0x10, count: 1 });
    t.equal(empty?.type === 'data' && empty.payload[0], 0x80, 'a log without a queued error says so');
  },
);

await t.test('the error log waits for what is still under way in the queue', async (t) => {
  let release: (() => void) | undefined;
  const { says, disk, pipes, give } = await bare((drive) => ({
    identify: () => drive.identify(),
    read: (lba, into) => drive.read(lba, into),
    write: async (lba, data, fua) => {
      await new Promise<void>((resolve) => (release = resolve));
      await drive.write(lba, data, fua);
    },
    verify: (lba, count) => drive.verify(lba, count),
    trim: (ranges) => drive.trim(ranges),
    flush: () => drive.flush(),
    smartStatus: () => drive.smartStatus(),
  }));
  await says();
  disk.bad.add(40);
  give({ command: COMMAND.writeFpdmaQueued, lba: 0, features: 1, count: 1 << 3 });
  await says();
  pipes.host.send(encodeFis({ type: 'data', port: 0, payload: new Uint8Array(512).fill(9) }));
  await says();
  t.match((await says({ command: COMMAND.readFpdmaQueued, lba: 40, features: 1, count: 2 << 3 })).at(-1), {
    status: 0x41,
  });
  t.same(await says({ command: COMMAND.readLogExt, lba: 0x10, count: 1 }), []);
  release?.();
  t.match(await says(), [{ type: 'pio-setup' }, { type: 'data' }]);
  t.equal(disk.bytes[0], 9);
});

await t.test('a tag given twice, and an unqueued command among queued ones, end the queue', async (t) => {
  const { says, give, pipes } = await bare();
  await says();
  give({ command: COMMAND.writeFpdmaQueued, lba: 0, features: 1, count: 3 << 3 });
  const twice = await says({ command: COMMAND.writeFpdmaQueued, lba: 9, features: 1, count: 3 << 3 });
  t.match(twice.at(-1), { type: 'set-device-bits', status: 0x41, error: 4 });
  await says({ command: COMMAND.readLogExt, lba: 0x10, count: 1 });
  give({ command: COMMAND.writeFpdmaQueued, lba: 0, features: 1, count: 3 << 3 });
  const mixed = await says({ command: COMMAND.flushCacheExt });
  t.match(mixed.at(-1), { type: 'register-d2h', status: 0x51, error: 4 });
  pipes.host.send(encodeFis({ type: 'data', port: 0, payload: new Uint8Array(512).fill(9) }));
  const [, log] = await says({ command: COMMAND.readLogExt, lba: 0x10, count: 1 });
  t.equal(log?.type === 'data' && log.payload[0], 0x80);
});

await t.test('data that nobody asked for are dropped; too many of them fail the command', async (t) => {
  const { says, pipes, disk } = await bare();
  await says();
  const data = (bytes: number): boolean =>
    pipes.host.send(encodeFis({ type: 'data', port: 0, payload: new Uint8Array(bytes).fill(5) }));
  data(512);
  t.same(await says(), []);
  t.match(await says({ command: COMMAND.writeDmaExt, lba: 0, count: 1 }), [{ type: 'dma-activate' }]);
  data(1024);
  t.match(await says(), [{ type: 'register-d2h', status: 0x51, error: 0x84 }]);
  t.match(await says({ command: COMMAND.writeDmaExt, lba: 0, count: 1 }), [{ type: 'dma-activate' }]);
  await turns(200);
  t.match(await says(), [{ type: 'register-d2h', status: 0x51, error: 0x84 }], 'no data for too long');
  t.ok(disk.bytes.every((byte) => byte === 0));
});

await t.test('no stream of FISes, however mad, brings the device down or past its end of disk', async () => {
  const codes = Object.values(COMMAND);
  const anH2D = fc.record({
    isCommand: fc.boolean(),
    command: fc.oneof(fc.constantFrom(...codes), fc.nat(255)),
    features: fc.oneof(fc.nat(8), fc.nat(0xffff)),
    lba: fc.oneof(fc.nat(600), fc.integer({ min: 0, max: 2 ** 48 - 1 })),
    device: fc.nat(255),
    count: fc.nat(300),
    control: fc.constantFrom(0, 4),
    auxiliary: fc.nat(9),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(anH2D, fc.uint8Array({ maxLength: 40 }), fc.constant('data' as const)), {
        maxLength: 60,
      }),
      async (stream) => {
        const { pipes, give, says } = await bare();
        for (const one of stream) {
          if (one === 'data')
            pipes.inject('device', encodeFis({ type: 'data', port: 0, payload: new Uint8Array(2048) }));
          else if (one instanceof Uint8Array) pipes.inject('device', one);
          else give(one);
          await turns(1);
        }
        give({ isCommand: false, control: 4, auxiliary: 4242 });
        give({ isCommand: false, control: 0, auxiliary: 4242 });
        let back = false;
        for (let i = 0; i < 100 && !back; i += 1) {
          const heard = await says();
          back = heard.some((fis) => fis.type === 'register-d2h' && fis.echo === 4242);
        }
        if (!back) throw new Error('no signature after SRST');
        const after = await says({ command: COMMAND.checkPowerMode });
        if (after[0]?.type !== 'register-d2h' || after[0].count !== 0xff) throw new Error('no answer');
      },
    ),
    { numRuns: 60 },
  );
});
