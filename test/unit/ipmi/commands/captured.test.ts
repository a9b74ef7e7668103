import { readFileSync } from 'node:fs';
import t from 'tap';
import { ByteView, fromHex, toHex } from '../../../../src/base/index.ts';
import type { Command } from '../../../../src/ipmi/command.ts';
import * as c from '../../../../src/ipmi/commands/index.ts';
import { decodeRequest, decodeResponse } from '../../../../src/ipmi/wire/message.ts';

interface Packet {
  readonly dir: 'console>bmc' | 'bmc>console';
  readonly type: string;
  readonly hex: string;
  readonly plain?: string;
}
interface Expected {
  readonly command: Command<unknown, unknown>;
  readonly args: unknown;
  readonly means: unknown;
}
const expected = <A, R>(command: Command<A, R>, args: A, means: unknown): Expected =>
  ({ command, args, means }) as unknown as Expected;

const SESSIONLESS = 14;

/** The message of a captured packet, where it has one. */
function messageOf(packet: Packet): Uint8Array | undefined {
  if (packet.plain !== undefined) return fromHex(packet.plain);
  return packet.type.startsWith('IPMI1.5') ? fromHex(packet.hex).subarray(SESSIONLESS) : undefined;
}

const captures: readonly [string, readonly Expected[]][] = [
  [
    'ipmitool-ipmisim-c3-power',
    [
      expected(
        c.getChannelAuthenticationCapabilities,
        { level: 'administrator' },
        { channel: 1, ipmi20: true, ipmi15: true, namedUsers: true },
      ),
      expected(c.getDeviceId, undefined, {
        deviceId: 0,
        deviceRevision: 3,
        firmware: '9.08',
        ipmiVersion: '2.0',
      }),
      expected(c.getChassisStatus, undefined, { powerOn: true, restorePolicy: 'always-off' }),
      expected(c.closeSession, { id: 0x2102 }, undefined),
    ],
  ],
  [
    'ipmitool-mini-c17-power',
    [
      expected(
        c.getChannelAuthenticationCapabilities,
        { level: 'administrator' },
        { channel: 1, ipmi20: true, namedUsers: true },
      ),
      expected(c.getDeviceId, undefined, { deviceId: 0x20, firmware: '1.00', manufacturerId: 0x1291 }),
      expected(c.getChassisStatus, undefined, { powerOn: false }),
      expected(c.closeSession, { id: 0x0200_0008 }, undefined),
    ],
  ],
];

for (const [name, all] of captures) {
  const { packets } = JSON.parse(
    readFileSync(`${import.meta.dirname}/../../../vectors/ipmi/${name}.json`, 'utf8'),
  ) as {
    readonly packets: readonly Packet[];
  };
  const messages = packets.flatMap((packet) => {
    const message = messageOf(packet);
    return message === undefined ? [] : [{ dir: packet.dir, message }];
  });
  for (const { command, args, means } of all) {
    void t.test(`${name}: ${command.name} is asked and read as it went over the line`, async (t) => {
      const asked = messages.findIndex(({ dir, message }) => {
        if (dir !== 'console>bmc') return false;
        const request = decodeRequest(message);
        return request.netFn === command.netFn && request.command === command.code;
      });
      const request = decodeRequest(messages[asked]!.message);
      t.equal(toHex(command.encode(args)), toHex(request.data));
      const response = decodeResponse(messages[asked + 1]!.message);
      t.match(
        { completion: response.completion, netFn: response.netFn, command: response.command },
        { completion: 0, netFn: command.netFn + 1, command: command.code },
      );
      const result = command.decode(new ByteView(response.data), args);
      if (means === undefined) t.equal(result, undefined);
      else t.match(result, means);
    });
  }
}
