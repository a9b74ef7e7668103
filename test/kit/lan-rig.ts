import { SeededEntropy, VirtualClock } from '../../src/adapters/sim/index.ts';
import { milliseconds, seconds, utf8 } from '../../src/base/index.ts';
import {
  CIPHER_SUITES,
  type CipherSuiteId,
  IpmiClient,
  LanCarrier,
  type Quirk,
  userKey,
} from '../../src/ipmi/index.ts';
import type { IpmiRequest } from '../../src/ipmi/wire/message.ts';
import { SmallBmc, type SmallBmcOptions } from './small-bmc.ts';

const NONE = new Uint8Array(0);
export const PASSWORD = 'correct horse batter';
export const STATUS = Uint8Array.of(0x21, 0x10, 0x40);

/** Chassis status and control, privilege, closing; all else is unknown. */
export function obey(request: IpmiRequest): readonly [number, Uint8Array] {
  if (request.netFn === 0 && request.command === 1) return [0, STATUS];
  if (request.netFn === 0 && request.command === 2) return [0, NONE];
  if (request.netFn === 6 && request.command === 0x3b) return [0, request.data];
  if (request.netFn === 6 && request.command === 0x3c) return [0, NONE];
  return [0xc1, NONE];
}

export interface LanRigOptions {
  /** Of the nth BMC that is opened, from 1 on. */
  readonly bmc?: Partial<SmallBmcOptions>;
  readonly suite?: CipherSuiteId;
  readonly suites?: readonly CipherSuiteId[];
  readonly password?: string;
  readonly quirks?: readonly Quirk[];
}

/** How long a command may take, whatever the BMC does. */
export const WITHIN = seconds(6);

/** A client and its BMC on a clock that stands still. */
export function lanRig({
  bmc = {},
  suite = 17,
  suites = [suite],
  password = PASSWORD,
  quirks = [],
}: LanRigOptions = {}) {
  const clock = new VirtualClock();
  const bmcs: SmallBmc[] = [];
  const used: Quirk[] = [];
  const carrier = new LanCarrier({
    async openDatagram() {
      const opened = new SmallBmc({
        suite: CIPHER_SUITES[suite],
        key: userKey(utf8(PASSWORD)),
        user: 'admin',
        answer: obey,
        ...bmc,
      });
      bmcs.push(opened);
      return opened;
    },
    clock,
    entropy: new SeededEntropy(7),
    login: { user: 'admin', key: userKey(utf8(password)), level: 'administrator', quirks: new Set(quirks) },
    suites,
    onQuirk: (quirk) => used.push(quirk),
    patience: { first: milliseconds(200), tries: 3, total: seconds(3) },
    within: WITHIN,
    idle: seconds(45),
  });
  const client = new IpmiClient({ carrier, clock, close: () => carrier.close() });
  const settle = <T>(promise: Promise<T>): Promise<T> => clock.settle(promise, seconds(120));
  return { clock, bmcs, used, client, settle };
}

/** How often a machine was told to do something. */
export const deeds = (bmcs: readonly SmallBmc[]): number =>
  bmcs.flatMap(({ requests }) => requests).filter(({ netFn, command }) => netFn === 0 && command === 2)
    .length;
