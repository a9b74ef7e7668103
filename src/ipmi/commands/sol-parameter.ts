import { ByteView, type Duration, milliseconds } from '../../base/index.ts';
import { within } from '../command.ts';
import { LEVEL, type Level } from '../session/set-up.ts';
import { bit, flag, le16, nameOf } from '../wire/bits.ts';

/** SOL parameters by number (IPMI 2.0, table 26-5). */
export const SOL_PARAMETER = {
  setInProgress: 0,
  enable: 1,
  authentication: 2,
  accumulation: 3,
  retry: 4,
  nonVolatileBitRate: 5,
  volatileBitRate: 6,
  payloadChannel: 7,
  payloadPort: 8,
} as const;

/** Bits a second, by the number they have there; 0 is whatever the host's serial port was set to. */
const BIT_RATES: ReadonlyMap<number, number> = new Map([
  [0x06, 9600],
  [0x07, 19_200],
  [0x08, 38_400],
  [0x09, 57_600],
  [0x0a, 115_200],
]);

/** A SOL parameter, read. */
export type SolParameter =
  | { readonly is: 'set-in-progress'; readonly state: 'complete' | 'in progress' | 'commit' }
  | { readonly is: 'enable'; readonly enabled: boolean }
  | {
      readonly is: 'authentication';
      readonly forceEncryption: boolean;
      readonly forceAuthentication: boolean;
      /** Undefined for levels that are none of an account's. */
      readonly level: Level | undefined;
    }
  /** Characters are sent when none has come for `interval`, or when `threshold` wait. */
  | { readonly is: 'accumulation'; readonly interval: Duration; readonly threshold: number }
  | { readonly is: 'retry'; readonly count: number; readonly interval: Duration }
  /** `undefined`: as the host's serial port is set. */
  | { readonly is: 'bit-rate'; readonly volatile: boolean; readonly bitsPerSecond: number | undefined }
  | { readonly is: 'payload-channel'; readonly channel: number }
  | { readonly is: 'payload-port'; readonly port: number }
  | { readonly is: 'other'; readonly parameter: number; readonly data: Uint8Array };

const SET_STATES = ['complete', 'in progress', 'commit', 'complete'] as const;
const ACCUMULATION_STEP = 5;
const RETRY_STEP = 10;

export function decodeSolParameter(parameter: number, data: Uint8Array): SolParameter {
  const view = new ByteView(data, `SOL parameter ${parameter}`);
  switch (parameter) {
    case SOL_PARAMETER.setInProgress:
      return { is: 'set-in-progress', state: SET_STATES[view.u8(0) & 3]! };
    case SOL_PARAMETER.enable:
      return { is: 'enable', enabled: bit(view.u8(0), 0) };
    case SOL_PARAMETER.authentication: {
      const byte = view.u8(0);
      return {
        is: 'authentication',
        forceEncryption: bit(byte, 7),
        forceAuthentication: bit(byte, 6),
        level: nameOf(LEVEL, byte & 0x0f),
      };
    }
    case SOL_PARAMETER.accumulation:
      return {
        is: 'accumulation',
        interval: milliseconds(view.u8(0) * ACCUMULATION_STEP),
        threshold: view.u8(1),
      };
    case SOL_PARAMETER.retry:
      return { is: 'retry', count: view.u8(0) & 7, interval: milliseconds(view.u8(1) * RETRY_STEP) };
    case SOL_PARAMETER.nonVolatileBitRate:
    case SOL_PARAMETER.volatileBitRate:
      return {
        is: 'bit-rate',
        volatile: parameter === SOL_PARAMETER.volatileBitRate,
        bitsPerSecond: BIT_RATES.get(view.u8(0) & 0x0f),
      };
    case SOL_PARAMETER.payloadChannel:
      return { is: 'payload-channel', channel: view.u8(0) & 0x0f };
    case SOL_PARAMETER.payloadPort:
      return { is: 'payload-port', port: view.u16le(0) };
    default:
      return { is: 'other', parameter, data };
  }
}

/** The number of a parameter, and its data. NS_IPMI_ARGUMENT for what it has no place for. */
export function encodeSolParameter(value: SolParameter): readonly [parameter: number, data: Uint8Array] {
  switch (value.is) {
    case 'set-in-progress':
      return [SOL_PARAMETER.setInProgress, Uint8Array.of(SET_STATES.indexOf(value.state))];
    case 'enable':
      return [SOL_PARAMETER.enable, Uint8Array.of(flag(value.enabled, 0))];
    case 'authentication': {
      const { forceEncryption, forceAuthentication, level } = value;
      const byte = flag(forceEncryption, 7) | flag(forceAuthentication, 6);
      return [SOL_PARAMETER.authentication, Uint8Array.of(byte | (level === undefined ? 0 : LEVEL[level]))];
    }
    case 'accumulation': {
      const steps = within(value.interval / ACCUMULATION_STEP, 1, 255, 'the interval in steps of 5 ms');
      return [
        SOL_PARAMETER.accumulation,
        Uint8Array.of(steps, within(value.threshold, 1, 255, 'the threshold')),
      ];
    }
    case 'retry': {
      const steps = within(value.interval / RETRY_STEP, 0, 255, 'the interval in steps of 10 ms');
      return [SOL_PARAMETER.retry, Uint8Array.of(within(value.count, 0, 7, 'the count'), steps)];
    }
    case 'bit-rate': {
      const { volatile, bitsPerSecond } = value;
      const parameter = volatile ? SOL_PARAMETER.volatileBitRate : SOL_PARAMETER.nonVolatileBitRate;
      const rate = [...BIT_RATES].find(([, rate]) => rate === bitsPerSecond)?.[0];
      return [
        parameter,
        Uint8Array.of(bitsPerSecond === undefined ? 0 : within(rate ?? -1, 0, 15, 'the rate')),
      ];
    }
    case 'payload-channel':
      return [SOL_PARAMETER.payloadChannel, Uint8Array.of(within(value.channel, 0, 15, 'the channel'))];
    case 'payload-port':
      return [SOL_PARAMETER.payloadPort, Uint8Array.from(le16(within(value.port, 0, 65_535, 'the port')))];
    case 'other':
      return [within(value.parameter, 0, 255, 'the parameter'), value.data];
  }
}
