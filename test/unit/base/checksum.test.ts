import t from 'tap';
import { crc16Xmodem, crc32, crc32c, utf8 } from '../../../src/base/index.ts';

const digits = utf8('123456789');

await t.test('the check values of the CRC catalogue', async (t) => {
  t.equal(crc32c(digits), 0xe3069283);
  t.equal(crc32(digits), 0xcbf43926);
  t.equal(crc16Xmodem(digits), 0x31c3);
});

await t.test('a checksum goes on where it stopped', async (t) => {
  t.equal(crc32c(digits.subarray(4), crc32c(digits.subarray(0, 4))), crc32c(digits));
});
