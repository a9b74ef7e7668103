import { SimBootGuard } from '../../src/adapters/sim/boot-guard.ts';
import { SimDriveSwitch } from '../../src/adapters/sim/drive-switch.ts';
import { SimHost } from '../../src/adapters/sim/host.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { milliseconds, seconds } from '../../src/base/index.ts';
import { Custody, type LeaseRequest, Lockout, PowerWatch, WakeInterlock } from '../../src/bmc/index.ts';
import type { BlockDevice, BootGuard, LogSink, PowerState, StateStore } from '../../src/ports/index.ts';
import { MemoryDevice } from './memory-device.ts';
import { MemoryState } from './memory-state.ts';

export interface BenchOptions {
  readonly state?: PowerState;
  readonly disks?: number;
  readonly interlock?: boolean;
  readonly linger?: number;
  readonly hold?: boolean;
  readonly ownPower?: boolean;
  readonly switchDelay?: number;
  readonly handBack?: number;
  readonly takeLimit?: number;
  readonly store?: StateStore;
  /** The lock's third copy, kept elsewhere. */
  readonly witness?: StateStore;
  /** In place of the simulated one; undefined for a board that has none. */
  readonly boot?: BootGuard | undefined;
  readonly wrap?: (device: BlockDevice) => BlockDevice;
}

/** A sleeping host with disks in memory, on a virtual clock, with custody, interlock and lockout in charge of it. */
export function machineBench(options: BenchOptions = {}) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const log: LogSink = { log: (level, event) => lines.push(`${level} ${event}`) };
  const host = new SimHost({
    clock,
    state: options.state ?? 'S5',
    ...(options.interlock === undefined ? {} : { interlock: options.interlock }),
  });
  const power = new PowerWatch(host);
  const images = Array.from(
    { length: options.disks ?? 1 },
    (_, i) => new MemoryDevice(`disk${i}`, 64 * 1024),
  );
  const drives = images.map(
    (image) =>
      new SimDriveSwitch({
        disk: image.name,
        clock,
        open: async () => options.wrap?.(image) ?? image,
        delay: milliseconds(options.switchDelay ?? 50),
        handBack: milliseconds(options.handBack ?? 2000),
        ...(options.hold === undefined ? {} : { hold: options.hold }),
        ...(options.ownPower === undefined ? {} : { ownPower: options.ownPower }),
      }),
  );
  const custody = new Custody({
    power,
    drives,
    clock,
    log,
    linger: milliseconds(options.linger ?? 0),
    takeLimit: milliseconds(options.takeLimit ?? 5000),
  });
  const store = options.store ?? new MemoryState();
  const simBoot = new SimBootGuard(host, 'previous');
  const boot = 'boot' in options ? options.boot : simBoot;
  const lockout = new Lockout({
    store,
    power,
    custody,
    clock,
    log,
    canSwitchOff: true,
    ...(boot === undefined ? {} : { boot }),
    ...(options.witness === undefined ? {} : { witness: options.witness }),
  });
  const interlock = new WakeInterlock({ power, custody, clock, log, mayWake: () => lockout.enabled });
  interlock.start();

  const ask = (request: Partial<LeaseRequest> = {}) =>
    custody.lease({
      disk: 'disk0',
      mode: 'write',
      holder: 'put 1',
      duration: seconds(60),
      signal: new AbortController().signal,
      ...request,
    });
  /** A lease that must be given. */
  const lend = async (request: Partial<LeaseRequest> = {}) => {
    const verdict = await clock.settle(ask(request), seconds(60));
    if (!verdict.ok) throw new Error(`no lease: ${verdict.refusal.code} ${verdict.refusal.sentence}`);
    return verdict.value;
  };
  return {
    clock,
    lines,
    host,
    simBoot,
    power,
    images,
    drives,
    custody,
    store,
    lockout,
    interlock,
    ask,
    lend,
  };
}
