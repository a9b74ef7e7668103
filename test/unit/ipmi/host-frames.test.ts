import fc from 'fast-check';
import t from 'tap';
import { toHex } from '../../../src/base/index.ts';
import { BT_FRAMES, KCS_FRAMES } from '../../../src/ipmi/index.ts';
import { hex } from '../../kit/canned-carrier.ts';

const ok = { completion: 0, data: hex('aabb') };

await t.test('KCS: a request is read, and its answer written, as they lie in the device', async (t) => {
  const frame = KCS_FRAMES.decode(hex('1a 38 8e 04'));
  t.match(frame, { is: 'request', request: { netFn: 6, lun: 2, command: 0x38, data: hex('8e04') } });
  t.equal(toHex(frame!.reply(ok)), '1e3800aabb');
  t.equal(toHex(frame!.reply({ completion: 0, data: new Uint8Array(270) })), '1e38ca');
  t.equal(frame!.reply({ completion: 0, data: new Uint8Array(269) }).byteLength, 272);
  t.equal(KCS_FRAMES.decode(hex('')), undefined);
  t.match(KCS_FRAMES.decode(hex('18')), { is: 'damaged' });
});

await t.test('BT: a request is read, and its answer written, as they lie in the device', async (t) => {
  const frame = BT_FRAMES.decode(hex('05 1a 77 38 8e 04 ff'));
  t.match(frame, { is: 'request', request: { netFn: 6, lun: 2, command: 0x38, data: hex('8e04') } });
  t.equal(toHex(frame!.reply(ok)), '061e773800aabb');
  t.equal(toHex(frame!.reply({ completion: 0, data: new Uint8Array(252) })), '041e7738ca');
  t.equal(frame!.reply({ completion: 0, data: new Uint8Array(251) }).byteLength, 256);
  t.equal(BT_FRAMES.decode(hex('03 18 77')), undefined);
  t.match(BT_FRAMES.decode(hex('02 18 77 01')), { is: 'damaged' });
  t.match(BT_FRAMES.decode(hex('04 18 77 01')), { is: 'damaged' });
  t.equal(toHex(BT_FRAMES.decode(hex('04 18 77 01'))!.reply({ ...ok, completion: 0xc7 })), '061c7701c7aabb');
});

await t.test('whatever a host writes, what comes of it can be answered', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const frames of [KCS_FRAMES, BT_FRAMES]) {
        const frame = frames.decode(bytes);
        if (frame === undefined) continue;
        const reply = frame.reply(ok);
        if (reply.byteLength < 5 || reply.byteLength > 272) return false;
        if (frame.is === 'request' && frame.request.data.byteLength > bytes.byteLength - 2) return false;
      }
      return true;
    }),
  );
});
