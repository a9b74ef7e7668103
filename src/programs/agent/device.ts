import { systemEntropy } from '../../adapters/entropy.ts';
import { MqttBus, type MqttBusOptions } from '../../adapters/mqtt/mqtt-bus.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { Agent, agentBlocks, offlineWill } from '../../agent/index.ts';
import { asNsError, ByteView, MiB, type NsError, seconds } from '../../base/index.ts';
import type { Clock, LogSink, MessageBus, SerialLine } from '../../ports/index.ts';
import type { Order } from '../../protocol/index.ts';
import { Freshness, insecureIn } from '../../security/index.ts';
import { Desk, type DeviceIdentity, Journal, openStaged, TASKS } from '../../tasks/index.ts';
import { RELEASED, VERSION } from '../version.ts';
import type { DeviceAbsence } from './absence.ts';
import { openBoard } from './board-parts.ts';
import { openDeviceBudget } from './budget.ts';
import type { AgentConfig } from './config.ts';
import type { openDeviceEditors } from './editors.ts';
import { hasFirmware, settleState } from './firmware-file.ts';
import { openDeviceKeyring, reopener, standingOf } from './keyring.ts';
import { openMachine } from './machine.ts';
import { brokerOptions, followVitals } from './parts.ts';
import { stopDevice } from './stop-device.ts';
import { servicesOf } from './task-services.ts';
import { readingOf, signedTime } from './time.ts';

/** Of each of the journal's two regions. Fixed: a region keeps the size that it was made with. */
const JOURNAL_SIZE = 8 * MiB;
/** As much under way as a fast link with a long way needs; blocks are 64 KiB. */
const SEND_LIMITS = { window: 64, windowBytes: 4 * MiB, bytes: 16 * MiB };

/** A running device. */
export interface Device {
  /** Stops tasks where they are, gives the disks back, says goodbye. What is open goes on at the next start. */
  stop(): Promise<void>;
  /** Resolves where own storage no longer keeps what it must: nothing more is to be done but to stop and to end. */
  readonly failed: Promise<NsError>;
  /** Resolves where the board is to start anew, with why: the device is to be stopped, and the process to end with RESTART. */
  readonly restart: Promise<string>;
}

/** What a device meets outside its own process: the machine beside it, and the bus. */
export interface Surroundings {
  readonly openBoard: typeof openBoard;
  /** The operating system's where absent. */
  readonly clock?: Clock;
  readonly openBus: (options: MqttBusOptions & { readonly log: LogSink }) => MessageBus;
  /** Who writes to filesystems; the programs that are here where absent. */
  readonly openEditor?: typeof openDeviceEditors;
  /** The line of the console; a real one where absent. */
  readonly openLine?: (path: string, baud: number) => Promise<SerialLine>;
}

const REAL: Surroundings = {
  openBoard,
  openBus: ({ log, ...options }) => new MqttBus(options, systemClock, systemEntropy, log),
};

/**
 * Builds the agent from its parts and starts it. The order matters: the lock is in force and a change that was cut off
 * is finished before any task or order can touch a disk.
 */
export async function startDevice(
  boardName: string,
  config: AgentConfig,
  given: LogSink,
  surroundings: Surroundings = REAL,
): Promise<Device> {
  const ticking = surroundings.clock ?? systemClock;
  const recent = config.console && new (await import('./recent-log.ts')).RecentLog(given, ticking);
  const log = recent ?? given;
  const metrics =
    config.metrics === undefined
      ? undefined
      : await (await import('./metrics.ts')).openDeviceMetrics(config, ticking, log);
  const measures = metrics?.measures;
  const found = (await hasFirmware(config))
    ? await (await import('./firmware.ts')).openDeviceFirmware(config, boardName, log)
    : undefined;
  const firmware = found && 'book' in found ? found : undefined;
  const bare = await openMachine(
    boardName,
    config,
    log,
    surroundings.openBoard,
    surroundings.clock,
    measures,
    (store) => settleState(store, found?.proven ?? true, log),
  );
  const machine =
    config.console === undefined
      ? bare
      : await (await import('./host-console.ts')).shareHostConsole(bare, config.console, log);
  const { clock, store, keyStore, power, lockout } = machine;
  const identity: DeviceIdentity = {
    tenant: config.tenant,
    device: config.device,
    groups: config.groups,
    board: boardName,
    version: VERSION,
    boot: systemEntropy.randomBytes(16),
  };
  const freshness = new Freshness({
    floor: RELEASED,
    startedAt: clock.monotonic(),
    nonceKey: systemEntropy.randomBytes(32),
  });
  const timeFor = (order: Pick<Order, 'verb'>) => freshness.timeFor(order, readingOf(clock));
  const keyring = await openDeviceKeyring(config, store, log, machine);
  const journal = await Journal.open(store, JOURNAL_SIZE, freshness, new ByteView(identity.boot).u32le(0));
  const time = signedTime(freshness, journal, clock);
  const vitals = await followVitals(power, lockout, machine.audit);
  const will = () => offlineWill({ clock, identity, vitals }, keyStore);
  const clientId = `ns-${config.tenant}-${config.device}`;
  const link = { ...(await brokerOptions(config, () => time.surely())), limits: SEND_LIMITS };
  const opened = surroundings.openBus({ ...link, clientId, will, log });
  const own = metrics?.bus(opened) ?? opened;
  const { tenant, device } = config;
  const gatewayBus = (busLog: LogSink) =>
    surroundings.openBus({ ...link, clientId: `nsr-${tenant}-${device}`, log: busLog });
  const relay =
    config.relay &&
    (await (
      await import('./relay.ts')
    ).openDeviceRelay({ config: config.relay, tenant, device, own, gatewayBus, store, clock, log }));
  const bus = relay?.bus ?? own;
  const blocks = agentBlocks(bus, identity);
  const lineBlocks =
    config.console && new (await import('./console-blocks.ts')).ConsoleBlocks(blocks, relay?.byNeighbour);
  let fail: (error: NsError) => void = () => {};
  const failed = new Promise<NsError>((resolve) => {
    fail = resolve;
  });
  const governed = await openDeviceBudget(config, machine, keyring, log, (error) => fail(error));
  let absence: DeviceAbsence | undefined;
  const staged = await openStaged({
    store,
    clock,
    power,
    log,
    bytes: config.limits.stagingMiB * MiB,
    onFatal: fail,
  });
  const services = await servicesOf(
    machine,
    config,
    {
      identity,
      log,
      measures,
      blocks: lineBlocks ?? blocks,
      keyring,
      budget: governed.budget,
      time,
      staged,
      ...(firmware === undefined ? {} : { firmware }),
      ...(config.absenceLock === undefined ? {} : { absence: () => absence?.limits() ?? [] }),
      ...(relay === undefined ? {} : { byNeighbour: lineBlocks?.missing ?? relay.byNeighbour }),
    },
    surroundings.openEditor,
    metrics,
  );
  const desk = new Desk({
    services,
    journal,
    freshness,
    keyStore,
    registry: TASKS,
    reopen: reopener(keyring, identity, timeFor),
    stands: standingOf(keyring, identity, timeFor),
    maxRunning: config.limits.running,
    maxOpen: config.limits.open,
    onFatal: fail,
  });
  keyring.onChange(() => desk.reconsider());
  absence =
    config.absenceLock &&
    (await (
      await import('./absence.ts')
    ).openDeviceAbsence({ config: config.absenceLock, machine, keyring, tasks: services.tasks, log }));
  const agent = new Agent({
    bus,
    clock,
    entropy: systemEntropy,
    keyStore,
    keyring,
    desk: absence?.hearing(desk) ?? desk,
    log,
    measures,
    identity,
    blocks,
    tokens: governed.budget,
    vitals,
    audit: (event, detail, by) => {
      const entry = { at: clock.wallSeconds(), event, detail, ...(by === undefined ? {} : { by }) };
      services.audit.append(entry).catch((error: unknown) => {
        log.log('error', 'audit-failed', { error: asNsError(error).message });
      });
    },
    giveNonce: () => time.nonce(),
    timeFor,
    heartbeat: seconds(config.heartbeatSeconds),
  });
  const { ipmi, hostInterface } = config;
  const { board } = machine;
  const bmc =
    (ipmi ?? hostInterface ?? board.hostInterface ?? board.description.hostInterface) === undefined
      ? undefined
      : await (await import('./bmc.ts')).openDeviceBmc({
          machine,
          config: ipmi,
          hostInterface,
          device,
          log,
        });
  await relay?.start();
  const front =
    config.console &&
    (await (
      await import('./console.ts')
    ).openDeviceConsole({
      config: config.console,
      state: config.state,
      machine,
      keyring,
      identity,
      bus,
      timeFor,
      desk,
      tryClaim: (name) => desk.tryClaim(name),
      lastCounter: (keyId) => freshness.lastCounter(keyId),
      giveNonce: () => time.nonce(),
      log,
      recent: recent!,
      broker: config.broker.url,
      blocks: lineBlocks!,
      largestFile: config.limits.stagingMiB * MiB,
      ...(surroundings.openLine === undefined ? {} : { openLine: surroundings.openLine }),
    }));
  const following =
    found &&
    (await import('./firmware-life.ts')).followFirmware({
      firmware: found,
      machine,
      keyring,
      bus: own,
      identity,
      vitals,
      giveNonce: () => time.nonce(),
      desk,
      tasks: services.tasks,
      clock,
      log,
    });
  await agent.start();
  await desk.resume();
  await metrics?.start({
    ...services,
    vitals,
    journal,
    agent,
    time,
  });
  const watchdog = await machine.board.openWatchdog?.();
  following?.start();
  const unpet = watchdog && (await import('./watchdog.ts')).keepPetted(watchdog, { power, desk }, clock, log);
  for (const limit of insecureIn(config.broker)) log.log('warn', 'insecure', { limit });
  log.log('info', 'device.started', { device: config.device, board: boardName, version: VERSION });
  const service =
    process.env.NOTIFY_SOCKET &&
    (await (await import('./service.ts')).reportToServiceManager(process.env, { power, desk }, clock, log));
  let restarts = false;
  const restart = following?.restart ?? new Promise<string>(() => {});
  return {
    failed,
    restart: restart.then((why) => {
      restarts = true;
      return why;
    }),
    stop: async () => {
      following?.stop();
      if (service) await service();
      return stopDevice({
        firmware,
        restarts,
        unpet,
        metrics,
        front,
        agent,
        desk,
        absence,
        relay,
        bmc,
        machine,
        logs: [governed, journal, services.audit, ...(services.media === undefined ? [] : [services.media])],
        watchdog,
      });
    },
  };
}
