import { readFileSync } from 'node:fs';
import t from 'tap';
import { equalBytes, fromHex, toHex, utf8 } from '../../../src/base/index.ts';
import {
  decodeOpenResponse,
  decodeRakp2,
  decodeRakp4,
  type Exchange,
  encodeOpenRequest,
  encodeRakp1,
  encodeRakp3,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionIntegrityKey,
  userKey,
} from '../../../src/ipmi/session/rakp.ts';
import { CIPHER_SUITES } from '../../../src/ipmi/wire/cipher-suite.ts';
import { decodeRequest, decodeResponse } from '../../../src/ipmi/wire/message.ts';
import { decodePacket, encodeSession, encodeSetup, PAYLOAD } from '../../../src/ipmi/wire/packet.ts';
import { deriveKeys, type SessionKeys } from '../../../src/ipmi/wire/protection.ts';

interface Vector {
  readonly password: string;
  readonly packets: readonly {
    readonly dir: string;
    readonly hex: string;
    readonly type: string;
    readonly seq?: number;
    readonly plain?: string;
    readonly icvOk?: boolean;
  }[];
}

const RAKP = 4 + 12;

for (const [name, suite] of [
  ['ipmitool-ipmisim-c3-power', CIPHER_SUITES[3]],
  ['ipmitool-mini-c17-power', CIPHER_SUITES[17]],
] as const) {
  const vector = JSON.parse(readFileSync(`test/vectors/ipmi/${name}.json`, 'utf8')) as Vector;
  const packet = (type: string): Uint8Array => {
    const found = vector.packets.find((p) => p.type.toLowerCase() === type.toLowerCase());
    return fromHex(found?.hex ?? '');
  };
  const payload = (type: string): Uint8Array => packet(type).subarray(RAKP);
  const key = userKey(utf8(vector.password));
  const opened = decodeOpenResponse(payload('Open Session Response'));
  const rakp2 = decodeRakp2(payload('RAKP2'));
  const rakp4 = decodeRakp4(payload('RAKP4'));
  if ('failed' in opened || 'failed' in rakp2 || 'failed' in rakp4) throw new Error(`${name} is no session`);
  const rakp1 = payload('RAKP1');
  const exchange: Exchange = {
    suite,
    consoleSession: opened.consoleSession,
    bmcSession: opened.bmcSession,
    consoleRandom: rakp1.subarray(8, 24),
    bmcRandom: rakp2.bmcRandom,
    bmcGuid: rakp2.bmcGuid,
    role: rakp1[24]!,
    user: rakp1.subarray(28),
  };
  const sik = sessionIntegrityKey(exchange, key);
  const keys = deriveKeys(suite, sik);

  void t.test(`${name}: session set-up is what ipmitool sent, byte for byte`, async (t) => {
    t.equal(opened.suite?.id, suite.id);
    const open = payload('Open Session Request');
    const request = { tag: open[0]!, level: open[1]!, consoleSession: exchange.consoleSession, suite };
    t.equal(
      toHex(encodeSetup(PAYLOAD.openSessionRequest, encodeOpenRequest(request))),
      toHex(packet('Open Session Request')),
    );
    t.equal(toHex(encodeSetup(PAYLOAD.rakp1, encodeRakp1(rakp1[0]!, exchange))), toHex(packet('RAKP1')));
    const third = encodeRakp3(payload('RAKP3')[0]!, 0, exchange.bmcSession, rakp3Code(exchange, key));
    t.equal(toHex(encodeSetup(PAYLOAD.rakp3, third)), toHex(packet('RAKP3')));
  });

  void t.test(`${name}: the BMC's codes follow from the password`, async (t) => {
    t.ok(equalBytes(rakp2.code, rakp2Code(exchange, key)));
    t.ok(equalBytes(rakp4.code, rakp4Code(exchange, sik)));
    t.notOk(equalBytes(rakp2.code, rakp2Code(exchange, userKey(utf8('other')))));
  });

  void t.test(`${name}: every packet of the session opens, and is made again as it was`, async (t) => {
    const mine = (id: number): SessionKeys | undefined =>
      id === exchange.bmcSession || id === exchange.consoleSession ? keys : undefined;
    const inside = vector.packets.filter((p) => p.plain !== undefined);
    t.ok(inside.length > 10);
    for (const { hex, plain, seq, dir } of inside) {
      const bytes = fromHex(hex);
      const opened = decodePacket(bytes, mine);
      if (opened.is !== 'session') throw new Error('not of a session');
      t.equal(toHex(opened.payload), plain);
      t.equal(opened.sequence, seq);
      t.equal(toHex(encodeSession(opened, keys, bytes.subarray(16, 32))), hex);
      const message = dir === 'console>bmc' ? decodeRequest(opened.payload) : decodeResponse(opened.payload);
      t.ok(message.command >= 0);
    }
  });

  void t.test(`${name}: one changed bit, and the packet is dropped`, async (t) => {
    const good = fromHex(vector.packets.find((p) => p.plain !== undefined)?.hex ?? '');
    for (let bit = 0; bit < good.byteLength * 8; bit += 1) {
      const bytes = Uint8Array.from(good);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      // Bytes 1 and 2 (reserved, RMCP sequence) are not under the code.
      if (bit >> 3 === 1 || bit >> 3 === 2) continue;
      t.throws(() => decodePacket(bytes, () => keys), `bit ${bit}`);
    }
  });
}
