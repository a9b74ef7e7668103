import { allow, fromHex, NsError, type Refusal, type Verdict } from '../../src/base/index.ts';
import type { BmcMachine, HostChange, Setting } from '../../src/ipmi/bmc/machine.ts';
import type { FruInventory } from '../../src/ipmi/index.ts';
import type { Channel, PowerAction, PowerReading, PowerState } from '../../src/ports/index.ts';

export const FAKE_FRU: FruInventory = {
  chassis: { type: 0x17, partNumber: 'CH-1', serialNumber: 'CS-77', custom: [] },
  board: {
    language: 0,
    manufactured: 820_454_400 + 60 * 525_600,
    manufacturer: 'Nightshift',
    product: 'Test board',
    serialNumber: 'BS-12',
    partNumber: 'BP-3',
    fileId: '',
    custom: ['spare'],
  },
  product: {
    language: 0,
    manufacturer: 'Nightshift',
    product: 'Test machine',
    partNumber: 'PP-4',
    version: 'v1',
    serialNumber: 'PS-5',
    assetTag: 'A-6',
    fileId: '',
    custom: [],
  },
  records: [],
};

const sensor = (name: string, kind: Channel['kind'], unit: string, more: Partial<Channel> = {}): Channel => ({
  name,
  kind,
  unit,
  readable: true,
  writable: false,
  ...more,
});

const FAKE_CHANNELS: readonly Channel[] = [
  sensor('inlet', 'temperature', 'm°C'),
  sensor('cpu', 'temperature', 'm°C', { minimum: 0, maximum: 110_000 }),
  sensor('rail-12v', 'voltage', 'mV', { minimum: 0, maximum: 15_000 }),
  sensor('rail-minus-5v', 'voltage', 'mV', { minimum: -6_000, maximum: 0 }),
  sensor('fan1', 'fan', 'rpm', { minimum: 0, maximum: 6_000 }),
  sensor('lid', 'gpio', 'state'),
  sensor('locate', 'led', 'state', { writable: true }),
  sensor('camera', 'camera', 'jpeg'),
];

function setting<T>(first: T): Setting<T> {
  let value = first;
  return {
    get: () => value,
    async set(next) {
      value = next;
    },
  };
}

/** A machine in memory: what was ordered of it is seen in `orders`, and obeyed at once. */
export class FakeBmcMachine implements BmcMachine {
  readonly identity = {
    deviceId: 0x20,
    deviceRevision: 1,
    firmware: { major: 1, minor: 42 },
    manufacturer: 0,
    product: 0x4e53,
    guid: fromHex('a123456789abcdefa123456789abcdef'),
    systemGuid: fromHex('b123456789abcdefb123456789abcdef'),
    name: 'nightshift-test',
  };
  readonly fru: FruInventory = FAKE_FRU;
  readonly orders: string[] = [];
  readonly lamp: (number | undefined)[] = [];
  state: PowerState = 'S0';
  certain = true;
  refusal: Refusal | undefined;
  lock: Refusal | undefined;
  isOpen = false;
  hours = 123;
  drawn = 87;
  /** By channel; undefined where it does not answer, not a number where it fails. */
  readonly values = new Map<string, number | undefined>([
    ['inlet', 23_500],
    ['cpu', 61_000],
    ['rail-12v', 12_040],
    ['rail-minus-5v', -5_020],
    ['fan1', 3_210],
    ['lid', 1],
    ['locate', 0],
  ]);
  readonly #listeners = new Set<(change: HostChange) => void>();

  readonly chassis = {
    power: async (): Promise<PowerReading> => ({
      state: this.certain ? this.state : 'unknown',
      certain: this.certain,
      sources: {},
      fusion: this.certain ? 'agreed' : 'contradiction',
    }),
    control: async (action: PowerAction, by: { readonly is: string }): Promise<Verdict<void>> => {
      if (this.refusal !== undefined) return { ok: false, refusal: this.refusal };
      this.orders.push(`${action} by ${by.is}`);
      this.#obey(action);
      return allow(undefined);
    },
    locked: (): Refusal | undefined => this.lock,
    restorePolicy: setting<'always-off' | 'previous' | 'always-on' | 'unknown'>('always-off'),
    bootFlags: setting<BmcMachine['chassis']['bootFlags'] extends Setting<infer T> ? T : never>({
      valid: false,
    }),
    powerButtonMasked: setting(false),
    identify: async (time: number | undefined): Promise<void> => {
      this.lamp.push(time);
    },
    intrusion: async (): Promise<boolean> => this.isOpen,
    powerOnHours: (): number => this.hours,
    watts: async (): Promise<number> => this.drawn,
    onHost: (listener: (change: HostChange) => void) => {
      this.#listeners.add(listener);
      return () => {
        this.#listeners.delete(listener);
      };
    },
  };

  readonly sensors = {
    channels: FAKE_CHANNELS,
    read: async (name: string): Promise<number | undefined> => {
      const value = this.values.get(name);
      if (Number.isNaN(value)) throw new NsError('NS_IO', `${name} is broken`);
      return value;
    },
  };

  get listeners(): number {
    return this.#listeners.size;
  }

  /** The host does this of its own accord, or somebody at its front panel. */
  becomes(state: PowerState): void {
    const [was, is] = [isUp(this.state), isUp(state)];
    this.state = state;
    if (was !== is) this.#say(is ? 'up' : 'down');
  }

  #obey(action: PowerAction): void {
    if (action === 'on') this.becomes('S0');
    if (action === 'off' || action === 'soft') this.becomes('S5');
    if (action === 'reset' && isUp(this.state)) this.#say('reset');
    if (action !== 'cycle' || !isUp(this.state)) return;
    this.becomes('S5');
    this.becomes('S0');
  }

  #say(change: HostChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

const isUp = (state: PowerState): boolean => state === 'S0' || state === 'S3';
