import t from 'tap';
import { securityOf } from '../../../../src/adapters/ata-security/identify-security.ts';
import { answerIn, passThrough, passwordBlock } from '../../../../src/adapters/ata-security/pass-through.ts';

const hex = (bytes: Iterable<number>): string => Buffer.from([...bytes]).toString('hex');

await t.test('the bytes of each command', async (t) => {
  t.equal(hex(passThrough('identify')), '85080e0000000100000000000000ec00');
  t.equal(hex(passThrough('setPassword')), '850a260000000100000000000000f100');
  t.equal(hex(passThrough('unlock')), '850a260000000100000000000000f200');
  t.equal(hex(passThrough('disablePassword')), '850a260000000100000000000000f600');
});

await t.test("the block: the user's password, at level maximum where it is set", async (t) => {
  const password = new Uint8Array(32).fill(0x61);
  const rest = '00'.repeat(512 - 34);
  t.equal(hex(passwordBlock('setPassword', password)), `0001${'61'.repeat(32)}${rest}`);
  t.equal(hex(passwordBlock('unlock', password)), `0000${'61'.repeat(32)}${rest}`);
  t.equal(hex(passwordBlock('disablePassword', password)), `0000${'61'.repeat(32)}${rest}`);
  t.throws(() => passwordBlock('unlock', new Uint8Array(31)));
});

await t.test('what the registers say', async (t) => {
  const said = (error: string, status: string): string =>
    `Descriptor type: ATA Status Return: extend=0 error=0x${error} \n   count=0x0 lba=0x000000 device=0x40 status=0x${status}\n`;
  t.equal(answerIn(said('0', '50')), 'done');
  t.equal(answerIn(said('4', '51')), 'refused');
  t.equal(answerIn(said('10', '51')), undefined, 'an error that is no refusal');
  t.equal(answerIn(said('4', '71')), 'refused');
  t.equal(answerIn(said('0', '70')), undefined, 'a device fault');
  t.equal(answerIn('do_scsi_pt: timeout'), undefined);
  t.equal(answerIn(''), undefined);
});

function identify(change: (words: Buffer) => void): Uint8Array {
  const words = Buffer.alloc(512);
  words.write('DWW-1C', 20, 'latin1');
  change(words);
  return words;
}

await t.test('IDENTIFY: each bit of word 128, and the serial number', async (t) => {
  const names = ['supported', 'enabled', 'locked', 'frozen', 'attemptsExpired'] as const;
  for (const [bit, name] of names.entries()) {
    const state = securityOf(identify((words) => words.writeUInt16LE(1 << bit, 256)));
    for (const other of names) t.equal(state[other], other === name);
  }
  t.equal(securityOf(identify((words) => words.writeUInt16LE(0x100, 256))).maximum, true);
  t.equal(securityOf(identify(() => undefined)).serial, 'WD-WC1');
  t.equal(securityOf(identify((words) => words.writeUInt8(0x1b, 24))).serial, '', 'no text for a terminal');
});

await t.test('IDENTIFY: what is no ATA drive, too short, or damaged is not believed', async (t) => {
  const code = { code: 'NS_DRIVE_SECURITY' };
  t.throws(() => securityOf(new Uint8Array(511)), code);
  t.throws(() => securityOf(identify((words) => words.writeUInt16LE(0x8580, 0))), code);
  t.throws(() => securityOf(identify((words) => words.writeUInt8(0xa5, 510))), code);
});
