import type { Duration } from '../base/index.ts';
import { NsError } from '../base/index.ts';
import type { Clock } from '../ports/index.ts';
import { getBootFlags, setBootFlags } from './boot.ts';
import { BridgedCarrier, type BridgeTarget, bridging } from './bridge.ts';
import { type Carrier, type Command, runCommand } from './command.ts';
import * as commands from './commands/index.ts';
import { type DecodedFru, decodeFru } from './fru/decode.ts';
import { readFruDevice, writeFruDevice } from './fru/device.ts';
import { encodeFru } from './fru/encode.ts';
import type { FruInventory } from './fru/inventory.ts';
import { type LanConfiguration, readCipherSuites, readLan, readUsers, type User } from './lan.ts';
import { type PowerOptions, power } from './power.ts';
import type { SdrRecord } from './sdr/record.ts';
import { type SensorNow, SensorReader } from './sdr/sensor-reader.ts';
import { clearLog } from './sel/clear-log.ts';
import { deleteRecord } from './sel/delete-record.ts';
import { readLog } from './sel/read-log.ts';
import type { SelRecord } from './sel/record.ts';
import type { Level } from './session/set-up.ts';
import { readSolConfiguration, type SolConfiguration } from './sol/configuration.ts';
import type { SolConsole } from './sol/console.ts';
import type { SolOptions } from './sol/open-sol.ts';

export interface IpmiClientParts {
  readonly carrier: Carrier;
  readonly clock: Clock;
  /** Opens the host's console, where the way to the BMC can carry one. */
  readonly sol?: (options: SolOptions, signal: AbortSignal) => Promise<SolConsole>;
  /** Frees whatever the carrier has open. */
  readonly close?: () => Promise<void>;
}

/**
 * A BMC, a method for each command. Every method ends within the carrier's patience, and takes a signal that ends it sooner. A
 * completion code other than 0 is an IpmiCompletion.
 */
export class IpmiClient {
  readonly #carrier: Carrier;
  readonly #clock: Clock;
  readonly #close: () => Promise<void>;
  readonly #sensors: SensorReader;
  readonly #sol: IpmiClientParts['sol'];
  readonly #consoles = new Set<SolConsole>();
  readonly #never = new AbortController().signal;

  constructor({ carrier, clock, sol, close = async () => {} }: IpmiClientParts) {
    this.#carrier = carrier;
    this.#clock = clock;
    this.#close = close;
    this.#sol = sol;
    this.#sensors = new SensorReader(carrier);
  }

  /** Ends what is under way and frees the session at the BMC. */
  async close(): Promise<void> {
    await Promise.all([...this.#consoles].map((console) => console.close()));
    await this.#close();
  }

  /** The same methods for a controller behind this BMC. Closed with this client. */
  behind(target: BridgeTarget): IpmiClient {
    return new IpmiClient({
      carrier: new BridgedCarrier(bridging(this.#carrier), target),
      clock: this.#clock,
    });
  }

  /** Any command of this room, or one of the caller's own. */
  run<Args, Result>(
    command: Command<Args, Result>,
    args: Args,
    signal = this.#never,
    lun = 0,
  ): Promise<Result> {
    return runCommand(this.#carrier, command, args, signal, lun);
  }

  /** Data as they are, and the data of the answer. Sent once, unless it is said to be repeatable. */
  raw(
    netFn: number,
    code: number,
    data: Uint8Array,
    options: { readonly level?: Level; readonly repeatable?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    return this.run(commands.rawCommand(netFn, code, options), data, signal);
  }

  deviceId(signal?: AbortSignal): Promise<commands.DeviceId> {
    return this.run(commands.getDeviceId, undefined, signal);
  }
  deviceGuid(signal?: AbortSignal): Promise<commands.Guid> {
    return this.run(commands.getDeviceGuid, undefined, signal);
  }
  systemGuid(signal?: AbortSignal): Promise<commands.Guid> {
    return this.run(commands.getSystemGuid, undefined, signal);
  }
  selfTest(signal?: AbortSignal): Promise<commands.SelfTest> {
    return this.run(commands.getSelfTestResults, undefined, signal);
  }
  acpiPowerState(signal?: AbortSignal): Promise<commands.AcpiPowerState> {
    return this.run(commands.getAcpiPowerState, undefined, signal);
  }
  setAcpiPowerState(state: commands.AcpiPowerStateChange, signal?: AbortSignal): Promise<void> {
    return this.run(commands.setAcpiPowerState, state, signal);
  }
  watchdog(signal?: AbortSignal): Promise<commands.WatchdogTimer> {
    return this.run(commands.getWatchdogTimer, undefined, signal);
  }
  setWatchdog(settings: commands.WatchdogSettings, signal?: AbortSignal): Promise<void> {
    return this.run(commands.setWatchdogTimer, settings, signal);
  }
  resetWatchdog(signal?: AbortSignal): Promise<void> {
    return this.run(commands.resetWatchdogTimer, undefined, signal);
  }

  chassisCapabilities(signal?: AbortSignal): Promise<commands.ChassisCapabilities> {
    return this.run(commands.getChassisCapabilities, undefined, signal);
  }
  chassisStatus(signal?: AbortSignal): Promise<commands.ChassisStatus> {
    return this.run(commands.getChassisStatus, undefined, signal);
  }
  /** Orders, and waits for nothing: see power(). */
  chassisControl(control: commands.ChassisControl, signal?: AbortSignal): Promise<void> {
    return this.run(commands.chassisControl, control, signal);
  }
  /** Orders, and waits until the machine shows it; gives its status then. */
  power(
    action: commands.ChassisControl,
    options: PowerOptions = {},
    signal = this.#never,
  ): Promise<commands.ChassisStatus> {
    return power(this.#carrier, this.#clock, action, options, signal);
  }
  identify(how: commands.Identify = commands.DEFAULT_IDENTIFY, signal?: AbortSignal): Promise<void> {
    return this.run(commands.chassisIdentify, how, signal);
  }
  setRestorePolicy(policy: commands.PowerRestorePolicy, signal?: AbortSignal) {
    return this.run(commands.setPowerRestorePolicy, policy, signal);
  }
  /** Which buttons of the front panel are switched off from now on, as FrontPanelButtons has it; those left out work. */
  disableButtons(disabled: Partial<commands.FrontPanelButtons>, signal?: AbortSignal): Promise<void> {
    return this.run(commands.setFrontPanelEnables, { disabled: { ...NO_BUTTONS, ...disabled } }, signal);
  }
  setPowerCycleInterval(interval: Duration, signal?: AbortSignal): Promise<void> {
    return this.run(commands.setPowerCycleInterval, interval, signal);
  }
  restartCause(signal?: AbortSignal) {
    return this.run(commands.getSystemRestartCause, undefined, signal);
  }
  powerOnHours(signal?: AbortSignal) {
    return this.run(commands.getPohCounter, undefined, signal);
  }
  bootFlags(signal = this.#never): Promise<commands.BootFlags | undefined> {
    return getBootFlags(this.#carrier, signal);
  }
  /** For the next boot; what is left out is off, or the BIOS's own choice. */
  setBootFlags(flags: Partial<commands.BootFlags>, signal = this.#never): Promise<void> {
    return setBootFlags(this.#carrier, flags, signal);
  }

  selInfo(signal?: AbortSignal): Promise<commands.SelInfo> {
    return this.run(commands.getSelInfo, undefined, signal);
  }
  /** The event log, the oldest first. */
  sel(signal = this.#never): Promise<readonly SelRecord[]> {
    return readLog(this.#carrier, signal);
  }
  /** A record of 16 bytes, as encodeSelEvent makes it; gives its id. */
  addSel(record: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.run(commands.addSelEntry, { record }, signal);
  }
  clearSel(signal = this.#never): Promise<void> {
    return clearLog(this.#carrier, this.#clock, signal);
  }
  /** One record, by its id; gives the id of the record that is gone. */
  deleteSel(record: number, signal = this.#never): Promise<number> {
    return deleteRecord(this.#carrier, record, signal);
  }
  selTime(signal?: AbortSignal): Promise<number> {
    return this.run(commands.getSelTime, undefined, signal);
  }
  setSelTime(seconds: number, signal?: AbortSignal): Promise<void> {
    return this.run(commands.setSelTime, seconds, signal);
  }
  selTimeUtcOffset(signal?: AbortSignal): Promise<commands.UtcOffset> {
    return this.run(commands.getSelTimeUtcOffset, undefined, signal);
  }
  setSelTimeUtcOffset(offset: commands.UtcOffset, signal?: AbortSignal): Promise<void> {
    return this.run(commands.setSelTimeUtcOffset, offset, signal);
  }

  sdrInfo(signal?: AbortSignal): Promise<commands.SdrRepositoryInfo> {
    return this.run(commands.getSdrRepositoryInfo, undefined, signal);
  }
  sdrTime(signal?: AbortSignal): Promise<number> {
    return this.run(commands.getSdrRepositoryTime, undefined, signal);
  }

  /** The SDR repository; read again only when it has changed. */
  sdr(signal = this.#never): Promise<readonly SdrRecord[]> {
    return this.#sensors.records(signal);
  }
  /** Every sensor, and what it says now. */
  sensors(signal = this.#never): Promise<readonly SensorNow[]> {
    return this.#sensors.read(signal);
  }
  /** Raw values: the sensor's record tells what they mean. */
  thresholds(sensor: number, signal?: AbortSignal): Promise<commands.RawThresholds> {
    return this.run(commands.getSensorThresholds, { sensor }, signal);
  }
  setThresholds(sensor: number, thresholds: commands.RawThresholds, signal?: AbortSignal): Promise<void> {
    return this.run(commands.setSensorThresholds, { sensor, thresholds }, signal);
  }

  async fru(device = 0, signal = this.#never): Promise<DecodedFru> {
    return decodeFru(await readFruDevice(this.#carrier, device, signal));
  }
  /** Writes where the device differs, and reads back. */
  writeFru(inventory: FruInventory, device = 0, signal = this.#never): Promise<void> {
    return writeFruDevice(this.#carrier, device, encodeFru(inventory), signal);
  }

  lan(
    channel: commands.ChannelNumber = commands.THIS_CHANNEL,
    signal = this.#never,
  ): Promise<LanConfiguration> {
    return readLan(this.#carrier, channel, signal);
  }
  users(
    channel: commands.ChannelNumber = commands.THIS_CHANNEL,
    signal = this.#never,
  ): Promise<readonly User[]> {
    return readUsers(this.#carrier, channel, signal);
  }
  channelInfo(
    channel: commands.ChannelNumber = commands.THIS_CHANNEL,
    signal?: AbortSignal,
  ): Promise<commands.ChannelInfo> {
    return this.run(commands.getChannelInfo, { channel }, signal);
  }
  channelAccess(
    channel: commands.ChannelNumber = commands.THIS_CHANNEL,
    signal?: AbortSignal,
  ): Promise<commands.ChannelAccess> {
    return this.run(commands.getChannelAccess, { channel }, signal);
  }
  cipherSuites(signal = this.#never): Promise<readonly commands.OfferedSuite[]> {
    return readCipherSuites(this.#carrier, signal);
  }
  sessionInfo(
    wanted: commands.SessionWanted = { is: 'current' },
    signal?: AbortSignal,
  ): Promise<commands.SessionInfo> {
    return this.run(commands.getSessionInfo, wanted, signal);
  }
  dcmiCapabilities(signal?: AbortSignal): Promise<commands.DcmiCapabilities> {
    return this.run(commands.dcmiGetCapabilities, undefined, signal);
  }
  /**
   * Opens the host's serial console, beside the commands: encrypted, in a session of its own. Codes as in openSol; a way that
   * carries no console is NS_IPMI_SOL_UNSUPPORTED.
   */
  async sol(options: SolOptions = {}, signal = this.#never): Promise<SolConsole> {
    if (this.#sol === undefined) {
      throw new NsError('NS_IPMI_SOL_UNSUPPORTED', 'this way to the BMC carries no console', {
        family: 'caller',
      });
    }
    const console = await this.#sol(options, signal);
    this.#consoles.add(console);
    console.onEnd(() => this.#consoles.delete(console));
    return console;
  }
  solConfiguration(
    channel: commands.ChannelNumber = commands.THIS_CHANNEL,
    signal = this.#never,
  ): Promise<SolConfiguration> {
    return readSolConfiguration(this.#carrier, channel, signal);
  }
  /** What the machine draws (DCMI). */
  powerReading(signal?: AbortSignal): Promise<commands.PowerReading> {
    return this.run(commands.dcmiGetPowerReading, undefined, signal);
  }
}

const NO_BUTTONS: commands.FrontPanelButtons = {
  powerOff: false,
  reset: false,
  diagnosticInterrupt: false,
  standby: false,
};
