import { createHash } from 'node:crypto';
import { asNsError, seconds as ofSeconds, refusal } from '../../base/index.ts';
import type { BmcIdentity, BmcMachine, HostChange, HostConsole, Setting } from '../../ipmi/index.ts';
import type { ChannelKind, Clock, LogSink, PowerReading, PublicKey } from '../../ports/index.ts';
import { VERSION } from '../version.ts';
import { callerName, note, PowerNotes } from './bmc-audit.ts';
import type { BoardParts } from './board.ts';
import type { Machine } from './machine.ts';

export interface BmcMachineOptions {
  readonly machine: Pick<Machine, 'audit' | 'board' | 'chassis' | 'power' | 'lockout' | 'clock' | 'keyStore'>;
  readonly device: string;
  readonly console?: HostConsole;
  readonly bootFlags: BmcMachine['chassis']['bootFlags'];
  /** The host's power as this begins. */
  readonly now: PowerReading | undefined;
  readonly log: LogSink;
}

const DEVICE_ID = 0x20;
/** No number of our own is registered with IANA. */
const NO_MANUFACTURER = 0;
const PRODUCT = 1;
const GUID_SIZE = 16;
const RACK_MOUNT_CHASSIS = 0x17;
const SENSORS: readonly ChannelKind[] = ['temperature', 'voltage', 'fan', 'gpio', 'led'];
/** Channels that boards enrol by these names, where they have them. */
const IDENTIFY_LED = 'identify-led';
const INTRUSION = 'chassis-intrusion';

/** What the BMC side shows of this machine, and how its orders reach it: by the same rules as everybody's. */
export function bmcMachine(options: BmcMachineOptions): BmcMachine {
  const { machine, device, console } = options;
  const { board } = machine;
  return {
    identity: identityOf(device, machine.keyStore.publicKey),
    chassis: chassisOf(options),
    sensors: {
      channels: board.io?.channels().filter(({ kind, readable }) => readable && SENSORS.includes(kind)) ?? [],
      read: async (name, signal) => {
        const value = await board.io?.read(name, signal);
        return typeof value === 'number' ? value : undefined;
      },
    },
    fru: fruOf(device, board, machine.keyStore.publicKey),
    ...(console === undefined ? {} : { console }),
  };
}

function identityOf(device: string, { spki }: PublicKey): BmcIdentity {
  const [major = 0, minor = 0] = VERSION.split('.').map(Number);
  const guid = (what: string): Uint8Array =>
    createHash('sha256').update(what).update(spki).digest().subarray(0, GUID_SIZE);
  return {
    deviceId: DEVICE_ID,
    deviceRevision: 1,
    firmware: { major, minor },
    manufacturer: NO_MANUFACTURER,
    product: PRODUCT,
    guid: guid('bmc'),
    systemGuid: guid('system'),
    name: device,
  };
}

function chassisOf({ machine, log, now, bootFlags }: BmcMachineOptions): BmcMachine['chassis'] {
  const { board, chassis, power, lockout, clock } = machine;
  const notes = new PowerNotes(clock);
  const channel = (name: string) => board.io?.channels().find((one) => one.name === name);
  return {
    power: (signal) => power.read(signal),
    control: async (action, by, signal) => {
      if (chassis === undefined) return { ok: false, refusal: refusal('NOT_SUPPORTED') };
      let how = 'failed';
      try {
        const verdict = await chassis.order(action, callerName(by), signal);
        how = verdict.ok ? 'done' : `refused ${verdict.refusal.code}`;
        return verdict;
      } finally {
        const entry = notes.take(action, by, how);
        if (entry !== undefined) note(machine, log, entry);
      }
    },
    locked: () => (lockout.enabled ? undefined : refusal('DISABLED')),
    // Mains that come back switch no host on: whoever wants it on orders it.
    restorePolicy: fixed('always-off'),
    restorePolicies: ['always-off'],
    bootFlags,
    onHost: (listener) => power.onChange(changes(listener, now)),
    ...(channel(IDENTIFY_LED)?.writable === true ? { identify: identifier(board, clock, log) } : {}),
    ...(channel(INTRUSION) === undefined
      ? {}
      : { intrusion: async (signal) => (await board.io?.read(INTRUSION, signal)) === 1 }),
  };
}

/** Up and down, a host that is suspended being up; a reset shows to nobody who looks at the power alone. */
function changes(
  listener: (change: HostChange) => void,
  now: PowerReading | undefined,
): (reading: PowerReading) => void {
  let up = now === undefined ? undefined : isUp(now);
  return (reading) => {
    const is = isUp(reading);
    if (is === undefined) return;
    if (up !== undefined && up !== is) listener(is ? 'up' : 'down');
    up = is;
  };
}

const isUp = ({ state, certain }: PowerReading): boolean | undefined =>
  certain ? state === 'S0' || state === 'S3' : undefined;

function identifier(board: BoardParts, clock: Clock, log: LogSink) {
  let lit: AbortController | undefined;
  const put = async (value: 0 | 1): Promise<void> => board.io?.write(IDENTIFY_LED, value);
  return async (seconds: number | undefined): Promise<void> => {
    lit?.abort();
    await put(seconds === 0 ? 0 : 1);
    if (seconds === undefined || seconds === 0) return;
    const over = new AbortController();
    lit = over;
    void clock
      .sleep(ofSeconds(seconds), over.signal)
      .then(() => put(0))
      .catch((error: unknown) => {
        if (!over.signal.aborted) log.log('warn', 'bmc.identify', { error: asNsError(error).message });
      });
  };
}

function fruOf(device: string, { description }: BoardParts, key: PublicKey): BmcMachine['fru'] {
  const serialNumber = Buffer.from(key.keyId).toString('hex');
  return {
    chassis: { type: RACK_MOUNT_CHASSIS, partNumber: '', serialNumber, custom: [] },
    board: {
      language: 0,
      manufactured: undefined,
      manufacturer: 'Nightshift',
      product: description.name,
      serialNumber,
      partNumber: '',
      fileId: '',
      custom: [`evidence: ${description.evidence}`],
    },
    product: {
      language: 0,
      manufacturer: 'Nightshift',
      product: description.title.slice(0, 63),
      partNumber: '',
      version: VERSION,
      serialNumber,
      assetTag: device.slice(0, 63),
      fileId: '',
      custom: [],
    },
    records: [],
  };
}

const fixed = <T>(value: T): Setting<T> => ({
  get: () => value,
  set: async () => {},
});
