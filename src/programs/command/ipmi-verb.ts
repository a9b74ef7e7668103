import type { IpmiClient } from '../../ipmi/index.ts';
import { usage } from './ipmi-access.ts';

export interface VerbAnswer {
  /** For --json; bytes become hexadecimal digits. */
  readonly result: unknown;
  readonly lines: readonly string[];
}

export interface IpmiVerb {
  /** As typed: "power off". */
  readonly name: string;
  /** What is asked before it is done to many hosts: "Switch off"; undefined for what does no harm. */
  readonly harm?: string;
  readonly run: (client: IpmiClient, signal: AbortSignal) => Promise<VerbAnswer>;
}

export const plain = <T>(
  name: string,
  ask: (client: IpmiClient, signal: AbortSignal) => Promise<T>,
  show: (result: T) => readonly string[],
): IpmiVerb => ({
  name,
  run: async (client, signal) => {
    const result = await ask(client, signal);
    return { result, lines: show(result) };
  },
});

/** "0x20" and "20h" are hexadecimal; bare digits are of the radix. */
export function parseNumber(text: string, what: string, most: number, radix = 10): number {
  const match = /^(?:0x([0-9a-fA-F]{1,8})|([0-9a-fA-F]{1,8})h|([0-9a-fA-F]{1,8}))$/.exec(text);
  const [, prefixed, suffixed, bare] = match ?? [];
  const value =
    bare === undefined
      ? Number.parseInt(prefixed ?? suffixed ?? 'x', 16)
      : radix === 10 && !/^\d+$/.test(bare)
        ? Number.NaN
        : Number.parseInt(bare, radix);
  if (!(value >= 0 && value <= most)) {
    throw usage(`"${text}" is no ${what}; write a number up to 0x${most.toString(16)}`);
  }
  return value;
}
