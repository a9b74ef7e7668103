// What sg_raw and a drive behind it do, as far as drive passwords go: the drive's state is in a JSON file, which is the first argument.
import { readFileSync, writeFileSync } from 'node:fs';

const [stateFile, ...args] = process.argv.slice(2);
const drive = JSON.parse(readFileSync(stateFile, 'utf8'));
const device = args.findIndex((arg) => arg.startsWith('/'));
const cdb = args.slice(device + 1).map((byte) => Number.parseInt(byte, 16));
drive.seen.push({ args, uid: process.getuid() });

/** sg3-utils 1.46 prints so. */
function registers(done) {
  const [key, error, status] = done ? ['Recovered Error', 0, 0x50] : ['Aborted Command', 4, 0x51];
  process.stderr.write(
    `SCSI Status: Check Condition \n\nSense Information:\nDescriptor format, current; Sense key: ${key}\n` +
      'Additional sense: ATA pass through information available\n' +
      `  Descriptor type: ATA Status Return: extend=0 error=0x${error.toString(16)} \n` +
      `        count=0x0 lba=0x000000 device=0x40 status=0x${status.toString(16)}\n\n`,
  );
  return done ? 21 : 11;
}

function identify() {
  const words = Buffer.alloc(512);
  words.writeUInt16LE(0x0040, 0);
  const serial = drive.serial.padStart(20);
  for (let i = 0; i < 20; i += 1) words[20 + (i ^ 1)] = serial.charCodeAt(i);
  const bits = [true, drive.user !== null, drive.locked, drive.frozen, drive.attempts === 0];
  const low = bits.reduce((sum, bit, n) => sum | (bit ? 1 << n : 0), 0);
  words.writeUInt16LE(low | (drive.maximum ? 0x100 : 0), 256);
  words[510] = 0xa5;
  words[511] = -words.reduce((sum, byte) => sum + byte, 0) & 0xff;
  process.stdout.write(words);
  process.stderr.write('SCSI Status: Good \n\nWriting 512 bytes of data to stdout\n');
  return 0;
}

function withPassword() {
  const block = readFileSync(0);
  if (block.length !== 512) return 15;
  const password = block.subarray(2, 34).toString('latin1');
  switch (cdb[14]) {
    case 0xf1:
      if (drive.locked || drive.frozen) return registers(false);
      Object.assign(drive, { user: password, maximum: (block[1] & 1) === 1 });
      return registers(true);
    case 0xf2:
      if (drive.frozen || drive.attempts === 0) return registers(false);
      if (drive.user !== null && password !== drive.user) {
        drive.attempts -= 1;
        return registers(false);
      }
      drive.locked = false;
      return registers(true);
    case 0xf6:
      if (drive.locked || drive.frozen || password !== drive.user) return registers(false);
      Object.assign(drive, { user: null, maximum: false });
      return registers(true);
    default:
      drive.forbidden = cdb[14];
      return registers(false);
  }
}

let status = 5;
if (drive.gone) status = 52;
else if (drive.silent) {
  process.stderr.write('do_scsi_pt: timeout\n');
  status = 33;
} else if (cdb.length === 16 && cdb[0] === 0x85) status = cdb[14] === 0xec ? identify() : withPassword();
else if (cdb.length === 12 && cdb[0] === 0xa2 && cdb[1] === 1 && cdb[3] === 1 && drive.discovery) {
  process.stdout.write(Buffer.from(drive.discovery, 'hex'));
  status = 0;
}
writeFileSync(stateFile, JSON.stringify(drive));
process.exitCode = status;
