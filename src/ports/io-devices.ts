import type { Stop } from './clock.ts';

export type ChannelKind =
  | 'gpio'
  | 'temperature'
  | 'voltage'
  | 'fan'
  /** What drives a fan; where its chip can drive it by itself, 0 stands for that. */
  | 'pwm'
  | 'led'
  | 'eeprom'
  /** Bytes of a chip that nobody has a driver for. */
  | 'i2c'
  | 'watchdog'
  | 'uart'
  | 'camera'
  | 'gnss';

/** A channel that the board enrols. What is not in this list does not exist for an order. */
export interface Channel {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly readable: boolean;
  readonly writable: boolean;
  /** "m°C", "mV", "rpm", "state", "bytes", "jpeg", "nmea", "ms", "%": integers only, so no unit needs a fraction. */
  readonly unit: string;
  /** Accepted when writing a number. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** A reading below `low`, or above `high`, is not well. */
  readonly low?: number;
  readonly high?: number;
  /** Of a memory: how its bytes are laid out. */
  readonly holds?: 'fru' | 'spd';
  /** What an output returns to when a write to it fails. A start of the agent changes no output. */
  readonly safe?: number;
}

/** A whole number in the channel's unit, or bytes for eeprom, i2c, uart, camera and gnss. */
export type ChannelValue = number | Uint8Array;

export interface IoDevices {
  channels(): readonly Channel[];
  read(name: string, signal?: AbortSignal): Promise<ChannelValue>;
  write(name: string, value: ChannelValue, signal?: AbortSignal): Promise<void>;
  /** Calls back at every change, or at every sample for analogue channels. */
  watch(name: string, listener: (value: ChannelValue) => void): Stop;
}
