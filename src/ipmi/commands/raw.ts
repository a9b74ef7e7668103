import type { Command } from '../command.ts';
import type { Level } from '../session/set-up.ts';

/** Any command at all: data as it is, answer as it comes. */
export function rawCommand(
  netFn: number,
  code: number,
  {
    level = 'administrator',
    repeatable = false,
  }: { readonly level?: Level; readonly repeatable?: boolean } = {},
): Command<Uint8Array, Uint8Array> {
  const hex = (n: number): string => n.toString(16).padStart(2, '0').toUpperCase();
  return {
    name: `command ${hex(netFn)}h/${hex(code)}h`,
    netFn,
    code,
    level,
    repeatable,
    encode: (data) => data,
    decode: (data) => data.bytes,
  };
}
