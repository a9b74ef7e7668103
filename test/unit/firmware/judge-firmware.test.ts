import { readFile } from 'node:fs/promises';
import t from 'tap';
import * as v from 'valibot';
import { flashLayout } from '../../../src/board/index.ts';
import { firmwareHead, judgeFirmware, manifestLength, placeParts } from '../../../src/firmware/index.ts';
import type { FirmwareManifest } from '../../../src/protocol/index.ts';
import { openFirmware, signFirmware } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';

const read = async (name: string) =>
  v.parse(
    flashLayout,
    JSON.parse(await readFile(new URL(`../../../flash/layouts/${name}.json`, import.meta.url), 'utf8')),
  );
const layout = await read('nor-64m');
const key = testKey();
const part = (holds: 'app' | 'kernel' | 'root', size = 100) => ({ holds, size, sha256: new Uint8Array(32) });
const manifest: FirmwareManifest = {
  v: 1,
  board: 'ast2600-evb',
  version: '1.2.3',
  rollback: 4,
  date: 1_790_000_000,
  parts: [part('app')],
};
const judge = (change: Partial<FirmwareManifest>, floor = 4) =>
  judgeFirmware({ ...manifest, ...change }, { board: 'ast2600-evb', floor, layout });

await t.test('firmware for this board, new enough, of the parts of a slot, is accepted', async (t) => {
  t.match(judge({}), { ok: true });
  t.match(
    judgeFirmware(
      { ...manifest, parts: [part('root')] },
      { board: 'ast2600-evb', floor: 0, layout: await read('emmc-ab') },
    ),
    { ok: true },
  );
});

await t.test('anything else is refused with what is wrong', async (t) => {
  const refused = (code: string) => ({ ok: false, refusal: { code } });
  t.match(judge({ board: 'rainier' }), refused('FIRMWARE_NOT_FOR_BOARD'));
  t.match(judge({}, 5), refused('FIRMWARE_TOO_OLD'));
  t.match(judge({ parts: [part('root')] }), refused('FIRMWARE_INVALID'));
  t.match(judge({ parts: [part('app'), part('kernel')] }), refused('FIRMWARE_INVALID'));
  t.match(judge({ parts: [part('app', 4 * 1024 * 1024 + 1)] }), refused('FIRMWARE_TOO_LARGE'));
});

await t.test('a manifest is what one of the known keys signed, every bit of it', async (t) => {
  const packet = await signFirmware(manifest, key);
  t.same(openFirmware(packet, [testKey().publicKey, key.publicKey]), { ok: true, value: manifest });
  t.match(openFirmware(packet, [testKey().publicKey]), { refusal: { code: 'KEY_UNKNOWN' } });
  for (let at = 0; at < packet.byteLength; at += 1) {
    const flipped = packet.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    t.match(openFirmware(flipped, [key.publicKey]), { ok: false }, `byte ${at}`);
  }
  t.match(openFirmware(packet.subarray(0, packet.byteLength - 1), [key.publicKey]), { ok: false });
});

await t.test('an image says what it is, and where its parts are', async (t) => {
  const packet = await signFirmware(manifest, key);
  const head = firmwareHead(packet);
  t.same(manifestLength(head, 4096), { ok: true, value: packet.byteLength });
  t.match(manifestLength(head, packet.byteLength - 1), { refusal: { code: 'FIRMWARE_INVALID' } });
  t.match(manifestLength(new Uint8Array(12), 4096), { refusal: { code: 'FIRMWARE_INVALID' } });
  t.match(manifestLength(head.subarray(0, 11), 4096), { refusal: { code: 'FIRMWARE_INVALID' } });
  t.match(placeParts({ ...manifest, parts: [part('kernel', 7), part('root', 9)] }, packet.byteLength), {
    parts: [{ offset: head.byteLength }, { offset: head.byteLength + 7 }],
    size: head.byteLength + 16,
  });
});
