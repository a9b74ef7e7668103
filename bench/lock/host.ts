import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openE2fsprogs } from '../../src/adapters/e2fsprogs/e2fsprogs.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { silentLog } from '../../src/adapters/log.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { parseSimConfig, SimMachine } from '../../src/adapters/sim/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { type BoardDescription, boardChannels } from '../../src/board/index.ts';
import { type Device, startDevice } from '../../src/programs/agent/device.ts';
import { openDeviceKey } from '../../src/programs/agent/parts.ts';
import { Keyring, publicKeyText, type Role } from '../../src/security/index.ts';

/** What each host is started with. */
export interface HostsSetup {
  readonly url: string;
  readonly tenant: string;
  /** A directory, of memory where there is one. */
  readonly directory: string;
  readonly image: string;
  readonly keyring: readonly { readonly name: string; readonly role: Role; readonly key: string }[];
}

const BOARD = new URL('../../boards/sim-host/board.json', import.meta.url);
const description = JSON.parse(await readFile(BOARD, 'utf8')) as BoardDescription;

let setup: HostsSetup;
let running: { readonly device: Device; readonly machine: SimMachine; readonly state: string } | undefined;
let state = '';
const editor = openE2fsprogs({ stagedPath: (name) => join(state, name) });

/** A powered-off simulated host, and the whole agent beside it, connected to the broker. */
async function start(name: string): Promise<string> {
  state = join(setup.directory, name);
  const machine = new SimMachine({
    config: parseSimConfig({ switchDelayMs: 5, disks: [{ image: setup.image }] }),
    clock: systemClock,
    channels: boardChannels(description),
    handBackMs: description.handBackMs,
  });
  await machine.start();
  const key = await openDeviceKey(state);
  let up: () => void;
  const connected = new Promise<void>((resolve) => {
    up = resolve;
  });
  const device = await startDevice(
    'sim-host',
    {
      device: name,
      tenant: setup.tenant,
      groups: [],
      broker: { url: setup.url },
      base: setup.directory,
      state,
      keyring: new Keyring(setup.keyring),
      protectedPaths: [],
      heartbeatSeconds: 60,
      log: 'silent',
      limits: { running: 4, open: 32, stagingMiB: 256 },
    },
    silentLog,
    {
      openBoard: async () => ({
        description,
        power: machine.host,
        control: machine.host,
        boot: machine.boot,
        switches: machine.drives,
        close: async () => undefined,
      }),
      openBus: ({ log, ...options }) => {
        const bus = new MqttBus(options, systemClock, systemEntropy, log);
        bus.onState(({ is }) => is === 'up' && up());
        return bus;
      },
      openEditor: () => editor,
    },
  );
  running = { device, machine, state };
  await connected;
  return publicKeyText(key.publicKey);
}

async function stop(): Promise<void> {
  if (running === undefined) return;
  await running.device.stop();
  await running.machine.close();
  await rm(running.state, { recursive: true, force: true });
  running = undefined;
}

type Ask = { readonly setup: HostsSetup } | { readonly start: string } | { readonly stop: true };

process.on('message', (ask: Ask) => {
  const answer = async (): Promise<unknown> => {
    if ('setup' in ask) setup = ask.setup;
    else if ('start' in ask) return start(ask.start);
    else await stop();
    return 'done';
  };
  answer().then(
    (done) => process.send?.({ done }),
    (error: unknown) => process.send?.({ failed: String(error) }),
  );
});
process.send?.({ done: 'ready' });
