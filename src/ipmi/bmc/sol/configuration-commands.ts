import { equalBytes, milliseconds } from '../../../base/index.ts';
import {
  encodeSolParameter,
  getSolConfigurationParameters,
  SOL_PARAMETER,
  type SolParameter,
  setSolConfigurationParameters,
} from '../../commands/index.ts';
import type { Level } from '../../session/set-up.ts';
import { bit } from '../../wire/bits.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { serve } from '../commands/serve.ts';
import { checkLanChannel, LAN_CHANNEL } from '../lan-channel.ts';

export interface SolConfigurationOptions {
  readonly level: Level;
  readonly port: number;
}

const NO_SUCH_PARAMETER = 0x80;
const ONLY_READ = 0x82;
/** Of the parameters' form: 1.1, and 1.1 is the oldest that it can be read as. */
const REVISION = 0x11;
const BIT_RATE = 115_200;
const MOST_DATA = 16;

/** How SOL is set. It is set by the machine's own configuration: what is asked to stay as it is may be set, nothing else. */
export function solConfigurationCommands(options: SolConfigurationOptions): readonly BmcCommand[] {
  const find = (parameter: number): Uint8Array => {
    const found = parameters(options).find(([number]) => number === parameter);
    if (found === undefined) throw new Completion(NO_SUCH_PARAMETER);
    return found[1];
  };
  return [
    serve(getSolConfigurationParameters, { user: 'user' }, 4, (data) => {
      checkLanChannel(data.u8(0));
      if (bit(data.u8(0), 7)) return [REVISION];
      return [REVISION, ...find(data.u8(1))];
    }),
    serve(setSolConfigurationParameters, { user: 'administrator' }, [3, MOST_DATA], (data) => {
      checkLanChannel(data.u8(0));
      const parameter = data.u8(1);
      const now = find(parameter);
      // Setting is announced and committed around every set; nothing is kept of that.
      if (parameter === SOL_PARAMETER.setInProgress) return [];
      if (!equalBytes(data.slice(2, data.length - 2), now)) throw new Completion(ONLY_READ);
      return [];
    }),
  ];
}

function parameters({ level, port }: SolConfigurationOptions) {
  const values: readonly SolParameter[] = [
    { is: 'set-in-progress', state: 'complete' },
    { is: 'enable', enabled: true },
    { is: 'authentication', forceEncryption: true, forceAuthentication: true, level },
    { is: 'accumulation', interval: milliseconds(5), threshold: 1 },
    { is: 'retry', count: 7, interval: milliseconds(250) },
    { is: 'bit-rate', volatile: false, bitsPerSecond: BIT_RATE },
    { is: 'bit-rate', volatile: true, bitsPerSecond: BIT_RATE },
    { is: 'payload-channel', channel: LAN_CHANNEL },
    { is: 'payload-port', port: port },
  ];
  return values.map(encodeSolParameter);
}
