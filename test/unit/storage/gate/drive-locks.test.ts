import fc from 'fast-check';
import t from 'tap';
import type { DriveSecurityState } from '../../../../src/ports/index.ts';
import { decodeDiscovery, judgeDrive } from '../../../../src/storage/index.ts';
import { discoveryAnswer } from '../../../kit/opal.ts';

const ATA: DriveSecurityState = {
  serial: 'S1',
  supported: true,
  enabled: true,
  locked: true,
  frozen: false,
  attemptsExpired: false,
  maximum: true,
};

await t.test('Level 0 Discovery is read by its locking feature, wherever that stands', (t) => {
  const answer = (locking: number) => decodeDiscovery(discoveryAnswer(locking));
  const off = { kind: 'Opal 2', enabled: false, locked: false, shadowed: false };
  t.same(answer(0b00001001), off, 'supported, and not switched on');
  t.same(answer(0b00000011), { ...off, enabled: true });
  t.same(answer(0b00000111), { ...off, enabled: true, locked: true });
  t.same(answer(0b00010111), { ...off, enabled: true, locked: true, shadowed: true });
  t.same(answer(0b00110011), { ...off, enabled: true }, 'the shadow is done with');
  t.same(answer(0b00010101), off, 'nothing counts that is not switched on');
  const whole = discoveryAnswer(0b00010111);
  t.equal(decodeDiscovery(whole.subarray(0, 47)), undefined);
  t.equal(decodeDiscovery(whole.subarray(0, 60)), undefined, 'cut off before the locking feature');
  t.equal(decodeDiscovery(new Uint8Array(512)), undefined);
  t.equal(decodeDiscovery(new Uint8Array(512).fill(0xff)), undefined);
  t.same(
    decodeDiscovery(Buffer.concat([whole, Buffer.alloc(2048)])),
    answer(0b00010111),
    'with zeros behind it',
  );
  t.end();
});

await t.test('any bytes are an answer or none', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2048 }), (bytes) => {
      decodeDiscovery(bytes);
      const hostile = Buffer.concat([Buffer.from([0, 0, 8, 0]), Buffer.alloc(44), bytes]);
      decodeDiscovery(hostile);
    }),
  );
  t.end();
});

await t.test('a locked drive is refused with who can open it', (t) => {
  t.equal(judgeDrive('disk0', { ours: false }), undefined);
  t.equal(judgeDrive('disk0', { ata: { ...ATA, locked: false }, ours: false }), undefined, 'set, and open');
  t.match(judgeDrive('disk0', { ata: ATA, ours: false }), {
    code: 'DISK_LOCKED',
    sentence: /^disk0 is locked by a password \(ATA security\) that is not from this device\.$/,
    remedy: /hdparm/,
  });
  t.match(judgeDrive('disk0', { ata: { ...ATA, attemptsExpired: true }, ours: false }), {
    sentence: /next power-on/,
  });
  t.match(judgeDrive('disk0', { ata: ATA, ours: true }), {
    code: 'DISK_LOCKED',
    sentence: /this device gave/,
    remedy: /Enable/,
  });
  const opal = { kind: 'Opal 2', enabled: true, locked: true, shadowed: false };
  t.match(judgeDrive('disk0', { opal, ours: false }), {
    code: 'DISK_LOCKED',
    sentence: 'disk0 is locked (Opal 2).',
  });
  t.match(judgeDrive('disk0', { opal: { ...opal, shadowed: true }, ours: false }), {
    sentence: /shadow in place of its contents/,
  });
  t.equal(judgeDrive('disk0', { opal: { ...opal, locked: false }, ours: false }), undefined);
  t.end();
});
