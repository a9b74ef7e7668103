import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import * as v from 'valibot';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { CharacterLines } from '../../src/adapters/linux/gpio/character-lines.ts';
import type { GpioLines } from '../../src/adapters/linux/index.ts';
import { MiB, NsError } from '../../src/base/index.ts';
import { LOCK_DOCUMENTS } from '../../src/bmc/index.ts';
import { encodeLockRecord } from '../../src/bmc/lock-record.ts';
import { type BoardDescription, boardDescription } from '../../src/board/index.ts';
import type { BoardParts } from '../../src/programs/agent/board.ts';
import { openLinuxBoard } from '../../src/programs/agent/board-linux.ts';
import { type Device, startDevice } from '../../src/programs/agent/device.ts';
import { eventually } from '../kit/eventually.ts';
import { FakeBroker } from '../kit/fake-bus.ts';
import { FakeConfigfs } from '../kit/fake-configfs.ts';
import { GpioKernel, type Wire } from '../kit/gpio-kernel.ts';
import { testKey, testKeyring } from '../kit/keys.ts';

const dir = await mkdtemp(join(tmpdir(), 'nightshift-restart-'));
t.teardown(() => rm(dir, { recursive: true }));
const drive = join(dir, 'drive');
await writeFile(drive, Buffer.alloc(64 * 1024));

const text = await readFile(new URL('../../boards/ast2600-evb/board.json', import.meta.url), 'utf8');
const {
  watchdog: _,
  hostInterface: __,
  ...evb
}: BoardDescription = v.parse(boardDescription, JSON.parse(text));
const host = evb.host!;
const description: BoardDescription = {
  ...evb,
  host: { ...host, disks: host.disks.map((disk) => ({ ...disk, path: drive })) },
};
const lineOf = (line: { readonly offset: number } | undefined): number => line!.offset;
const relay = description.channels.find(({ name }) => name === 'aux-relay')!.at as { offset: number };
const PIN = {
  relay: relay.offset,
  disk: lineOf(host.disks[0]!.switch),
  powerOut: lineOf(host.buttons?.powerOut),
  resetOut: lineOf(host.buttons?.resetOut),
  powerIn: lineOf(host.buttons?.powerIn),
  resetIn: lineOf(host.buttons?.resetIn),
};
const OUTPUTS = [PIN.relay, PIN.disk, PIN.powerOut, PIN.resetOut];

/** One board, whose wires outlive every agent on it, and what each of these did to them. */
class Board {
  readonly state: string;
  readonly kernel: GpioKernel;
  parts: BoardParts | undefined;
  #lines: GpioLines | undefined;
  #device: Device | undefined;

  private constructor(state: string, kernel: GpioKernel) {
    this.state = state;
    this.kernel = kernel;
  }

  /** As its boot loader, or an agent before, has left it: outputs are driven, the host is off, nobody presses anything. */
  static async make(name: string, levels: Readonly<Record<number, boolean>>): Promise<Board> {
    const state = join(dir, name);
    await mkdir(state, { mode: 0o700 });
    const kernel = await GpioKernel.open('1e780000.gpio', Array<string>(208).fill(''));
    t.teardown(() => kernel.remove());
    for (const pin of [PIN.powerIn, PIN.resetIn]) kernel.put(pin, true);
    for (const pin of OUTPUTS) {
      kernel.wires[pin]!.direction = 'out';
      kernel.wires[pin]!.high = levels[pin] ?? false;
    }
    return new Board(state, kernel);
  }

  async start(): Promise<void> {
    const key = testKey();
    this.#device = await startDevice(
      'ast2600-evb',
      {
        device: 'host1',
        tenant: 'acme',
        groups: [],
        broker: { url: 'mqtt://127.0.0.1:1' },
        state: this.state,
        base: dir,
        keyring: testKeyring({ olga: [key, 'operator'] }),
        protectedPaths: [],
        limits: { running: 1, open: 4, stagingMiB: 1 },
        heartbeatSeconds: 60,
        log: 'silent',
      },
      { log: () => undefined },
      {
        openBoard: async (_name, setting) => {
          this.parts = await openLinuxBoard(description, setting, {
            openLines: async (clock, log) => {
              const { libc, directory } = this.kernel;
              this.#lines = new CharacterLines({ libc, clock, log, directory });
              return this.#lines;
            },
            files: {
              has: async () => false,
              list: async () => [],
              text: async (path) => Promise.reject(new NsError('NS_IO_FAILED', path)),
              bytes: async (path) => Promise.reject(new NsError('NS_IO_FAILED', path)),
              write: async () => undefined,
              target: async (path) => Promise.reject(new NsError('NS_IO_FAILED', path)),
            },
            gadgetFiles: new FakeConfigfs(),
            readI2c: () => Promise.reject(new NsError('NS_IO_FAILED', 'no bus')),
            takeStill: () => Promise.reject(new NsError('NS_IO_FAILED', 'no camera')),
            openSerial: async (path) => Promise.reject(new NsError('NS_SERIAL', path)),
          });
          return this.parts;
        },
        openBus: () => new FakeBroker().bus('host1'),
      },
    );
  }

  async stop(): Promise<void> {
    await this.#device?.stop();
  }

  /** Of the lines that were given another level than they had: what they were given, from the one they had on. */
  moved(): Readonly<Record<number, readonly string[]>> {
    const moved = OUTPUTS.map((pin) => [pin, this.kernel.wires[pin]!] as const)
      .filter(([pin, { driven }]) => driven.some((level) => level !== this.#first[pin]))
      .map(([pin, { driven }]) => [pin, [...driven]] as const);
    return Object.fromEntries(moved);
  }

  readonly #first: Record<number, string> = {};

  /** From here on it counts. */
  watch(): void {
    for (const pin of OUTPUTS) {
      const wire = this.kernel.wires[pin]!;
      wire.driven.splice(0);
      this.#first[pin] = `out ${wire.high ? 'high' : 'low'}`;
    }
  }
}

const still = (t: Test, board: Board, what: string): void => {
  t.same(board.moved(), {}, what);
  t.same(
    OUTPUTS.map((pin) => board.kernel.wires[pin]!).filter((wire: Wire) => wire.direction !== 'out'),
    [],
    'and each is driven still',
  );
};

/** Buttons of the host are low while pressed. */
const IDLE = { [PIN.powerOut]: true, [PIN.resetOut]: true };

await t.test('an agent that starts, stops and starts again changes no output line', async (t) => {
  const board = await Board.make('plain', { ...IDLE, [PIN.relay]: true });
  board.watch();
  for (const round of ['first', 'second', 'third']) {
    await board.start();
    still(t, board, `${round} start`);
    t.equal(await board.parts?.io?.read('aux-relay'), 1);
    await board.stop();
    still(t, board, `${round} stop`);
  }
});

await t.test('what an order drove stays so through a restart', async (t) => {
  const board = await Board.make('driven', IDLE);
  await board.start();
  await board.parts?.io?.write('aux-relay', 1);
  board.watch();
  await board.stop();
  await board.start();
  t.equal(await board.parts?.io?.read('aux-relay'), 1);
  await board.stop();
  still(t, board, 'the relay, too');
});

await t.test('a machine that is disabled stays so: its disk is held, its buttons are idle', async (t) => {
  const board = await Board.make('disabled', { ...IDLE, [PIN.disk]: true });
  const store = await openFileStateStore(board.state, { quota: 64 * MiB });
  const record = encodeLockRecord({ state: 'disabled', version: 7, reason: 'stolen' });
  for (const name of LOCK_DOCUMENTS) await store.writeDocument(name, record);
  board.watch();
  for (const _round of [1, 2]) {
    await board.start();
    await eventually(async () => (await board.parts?.switches[0]?.position()) === 'held');
    await board.stop();
  }
  still(t, board, 'at no moment is the disk with the host');
});

await t.test('a disk that an agent had when it was cut off goes home, and nothing else moves', async (t) => {
  const board = await Board.make('cut-off', { ...IDLE, [PIN.disk]: true, [PIN.relay]: true });
  board.watch();
  await board.start();
  await eventually(async () => (await board.parts?.switches[0]?.position()) === 'host');
  await board.stop();
  t.same(Object.keys(board.moved()), [`${PIN.disk}`]);
  t.equal(board.kernel.wires[PIN.disk]?.high, false);
});
