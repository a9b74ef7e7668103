import { createHash } from 'node:crypto';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { type Duration, hours } from '../../src/base/index.ts';
import {
  Fleet,
  type FleetOptions,
  type LocalSink,
  type LocalSource,
  type PartFile,
} from '../../src/fleet/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { FakeBroker } from './fake-bus.ts';
import { FakeDevice } from './fake-device.ts';
import { testKey, testKeyring } from './keys.ts';

/** An operator, a broker and some devices, in virtual time. */
export interface FleetBench {
  readonly clock: VirtualClock;
  readonly broker: FakeBroker;
  readonly fleet: Fleet;
  readonly operator: KeyStore;
  readonly devices: readonly FakeDevice[];
  readonly device: FakeDevice;
  settle<T>(promise: Promise<T>, limit?: Duration): Promise<T>;
  /** Another program of the same operator. */
  otherFleet(): Promise<Fleet>;
}

export async function fleetBench(
  names: readonly string[] = ['host1'],
  more: Pick<FleetOptions, 'tokens'> = {},
): Promise<FleetBench> {
  const clock = new VirtualClock();
  const broker = new FakeBroker();
  const operator = testKey();
  const other = testKey();
  const keyring = testKeyring({ olga: [operator, 'operator'], otto: [other, 'operator'] });
  const devices = names.map(
    (name) => new FakeDevice(broker.bus(`device-${name}`), name, testKey(), keyring, clock),
  );
  for (const device of devices) await device.start();
  let counter = 0;
  let programs = 0;
  const otherFleet = async (): Promise<Fleet> => {
    programs += 1;
    const fleet = new Fleet({
      bus: broker.bus(`operator-${programs}`),
      tenant: 'test',
      key: operator,
      cosigners: [other],
      counter: { next: async () => ++counter },
      devices: new Map(devices.map((device) => [device.name, device.key.publicKey])),
      clock,
      entropy: new SeededEntropy(40 + programs),
      ...more,
    });
    await fleet.connect();
    return fleet;
  };
  return {
    clock,
    broker,
    fleet: await otherFleet(),
    operator,
    devices,
    device: devices[0]!,
    settle: (promise, limit = hours(1)) => clock.settle(promise, limit),
    otherFleet,
  };
}

/** A local file and its part, in memory; what was flushed outlives a program. */
export class MemorySink implements LocalSink {
  finished: Uint8Array | undefined;
  mtime: number | undefined;
  discarded = 0;
  written = 0;
  #key = '';
  #bytes = new Uint8Array();
  #map: Uint8Array | undefined;

  async open(key: string, size: number): Promise<PartFile> {
    if (key !== this.#key) {
      this.#key = key;
      this.#bytes = new Uint8Array(size);
      this.#map = undefined;
    }
    return {
      map: this.#map,
      write: async (offset, data) => {
        this.written += data.byteLength;
        this.#bytes.set(data, offset);
      },
      read: async (offset, into) => into.set(this.#bytes.subarray(offset, offset + into.byteLength)),
      flush: async () => undefined,
      saveMap: async (map) => {
        this.#map = map;
      },
      finish: async (mtime) => {
        this.finished = this.#bytes;
        this.mtime = mtime;
      },
      keep: async () => undefined,
      discard: async () => {
        this.discarded += 1;
        this.#key = '';
      },
    };
  }
}

export function memorySource(bytes: Uint8Array): LocalSource {
  return {
    size: bytes.byteLength,
    sha256: new Uint8Array(createHash('sha256').update(bytes).digest()),
    read: async (offset, into) => into.set(bytes.subarray(offset, offset + into.byteLength)),
  };
}
