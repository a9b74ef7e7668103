import fc from 'fast-check';
import t from 'tap';
import { GnssIo } from '../../../../src/adapters/linux/index.ts';
import { NmeaReader, positionIn, sentenceOf } from '../../../../src/adapters/linux/nmea.ts';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { milliseconds, NsError, seconds, utf8 } from '../../../../src/base/index.ts';
import type { Channel, ChannelValue } from '../../../../src/ports/index.ts';
import { contentsOf } from '../../../../src/programs/agent/channel-contents.ts';
import { MemoryLine } from '../../../kit/memory-line.ts';

/** Examples that are in every description of NMEA 0183. */
const GGA = '$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47';
const RMC = '$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A';
const channel: Channel = { name: 'gnss', kind: 'gnss', unit: 'nmea', readable: true, writable: false };

function summed(body: string): string {
  const sum = utf8(body).reduce((all, byte) => all ^ byte, 0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}`;
}
const position = (...lines: string[]) => positionIn(utf8(lines.map((line) => `${line}\r\n`).join('')));

await t.test('a sentence is whole and its sum right, or it is nothing', (t) => {
  t.match(sentenceOf(`${GGA}\r`), { name: 'GGA', text: GGA });
  for (let at = 0; at < GGA.length; at += 1) {
    const flipped = GGA.slice(0, at) + String.fromCharCode(GGA.charCodeAt(at) ^ 1) + GGA.slice(at + 1);
    t.equal(sentenceOf(flipped), undefined, `character ${at}`);
  }
  for (const cut of [GGA.slice(1), GGA.slice(0, -1), `${GGA}0`, '', '$', '$GPGGA*00'])
    t.equal(sentenceOf(cut), undefined, cut);
  t.equal(sentenceOf(summed(`GPGGA,${'1'.repeat(120)}`)), undefined, 'too long');
  t.end();
});

await t.test('place, time and fix are told; what is not known is not', (t) => {
  t.same(position(GGA, RMC), {
    fix: 'GNSS',
    time: '2094-03-23 12:35:19Z',
    latitude: 48_117_300,
    longitude: 11_516_667,
    satellites: 8,
    altitude: 5454,
  });
  t.match(position(summed('GNGGA,000001.00,3351.5,S,15112.6,W,4,12,0.5,-3.25,M,,M,,')), {
    fix: 'RTK, fixed',
    time: '00:00:01Z',
    latitude: -33_858_333,
    longitude: -151_210_000,
    altitude: -32,
  });
  t.same(position(summed('GPGGA,,,,,,0,00,,,M,,M,,')), { fix: 'none', satellites: 0 });
  t.same(position(summed('GPGGA,120000,4807.038,N,01131.000,E,0,03,,545.4,M,46.9,M,,')), {
    fix: 'none',
    time: '12:00:00Z',
    satellites: 3,
  });
  t.match(position(summed('GPRMC,123519,V,4807.038,N,01131.000,E,,,230394,,')), { fix: 'none' });
  t.equal(position(summed('GPGGA,120000,9107.038,N,01131.000,E,1,03,,,M,,M,,'))?.latitude, undefined);
  t.equal(position(summed('GPGSV,1,1,00')), undefined);
  t.end();
});

await t.test('a reader takes bytes in any pieces, and keeps nothing of a line without end', (t) => {
  const reader = new NmeaReader();
  const said: string[] = [];
  for (const byte of utf8(`noise\r\n${GGA}\r\n${GGA.replace('8', '9')}\r\n${RMC}\r\n`))
    said.push(...reader.take(Uint8Array.of(byte)).map(({ text }) => text));
  t.same(said, [GGA, RMC]);
  for (let n = 0; n < 100; n += 1) t.same(reader.take(new Uint8Array(64).fill(0x41)), []);
  t.same(reader.take(utf8(`\n${GGA}\n`)).length, 1);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
      const one = new NmeaReader();
      return pieces.every((piece) => one.take(piece).every(({ text }) => text.length <= 120));
    }),
  );
  t.end();
});

await t.test('no sentence that a receiver makes up gives a place that is none', (t) => {
  const field = fc.oneof(
    fc.constantFrom('', 'N', 'E', '1', '4807.038', '01131.000', 'M'),
    fc.stringMatching(/^[0-9.A-Z-]{0,12}$/),
  );
  fc.assert(
    fc.property(fc.constantFrom('GPGGA', 'GPRMC'), fc.array(field, { maxLength: 16 }), (name, fields) => {
      const told = position(summed([name, ...fields].join(',')));
      const { latitude = 0, longitude = 0 } = told ?? {};
      return Math.abs(latitude) <= 90e6 && Math.abs(longitude) <= 180e6;
    }),
    { numRuns: 500 },
  );
  t.end();
});

function bench() {
  const clock = new VirtualClock();
  const line = new MemoryLine();
  let there = true;
  const io = new GnssIo({
    channel,
    clock,
    open: async () => {
      if (!there) throw new NsError('NS_SERIAL', '/dev/ttyACM0 is not here');
      return line.open('/dev/ttyACM0');
    },
  });
  const read = () => {
    const answer = io.read('gnss');
    answer.catch(() => undefined);
    return answer;
  };
  return {
    clock,
    line,
    io,
    read,
    pull: (isThere: boolean) => {
      there = isThere;
      line.unplug();
    },
  };
}

const text = (value: ChannelValue) => Buffer.from(value as Uint8Array).toString();

await t.test('what the receiver says now is told, as it came', async (t) => {
  const { clock, line, io, read } = bench();
  const answer = read();
  await clock.advance(milliseconds(300));
  line.type(`$GPGSV,1,1,00*79\r\n${GGA}\r\n`);
  await clock.advance(seconds(1));
  t.equal(text(await answer), `${GGA}\r\n`);
  line.type(`${RMC}\r\n`);
  t.equal(text(await read()), `${GGA}\r\n${RMC}\r\n`);
  await t.rejects(io.write('gnss'), { message: /cannot be written/ });
  await t.rejects(io.read('other'), { code: 'NS_IO_UNKNOWN' });
  await io.close();
});

await t.test('what it said long ago is no answer, nor is silence', async (t) => {
  const { clock, line, io, read } = bench();
  const silent = read();
  await clock.advance(seconds(6));
  await t.rejects(silent, { code: 'NS_IO_FAILED', message: /has said nothing of its position yet/ });
  line.type(`${GGA}\r\n`);
  t.equal(text(await read()), `${GGA}\r\n`);
  await clock.advance(seconds(11));
  const stale = read();
  await clock.advance(seconds(6));
  await t.rejects(stale, { message: /has said nothing of its position for 1\d s/ });
  await io.close();
});

await t.test('a receiver that is not there says so, and is found when it comes', async (t) => {
  const { clock, line, io, read, pull } = bench();
  pull(false);
  await t.rejects(read(), { message: /ttyACM0 is not here/ });
  pull(true);
  const answer = read();
  await clock.advance(milliseconds(300));
  line.type(`${GGA}\r\n`);
  await clock.advance(milliseconds(300));
  t.equal(text(await answer), `${GGA}\r\n`);
  pull(false);
  await clock.advance(seconds(11));
  await t.rejects(read(), { message: /not here/ });
  await io.close();
});

await t.test('its fields stand beside its bytes', (t) => {
  t.match(contentsOf(channel, utf8(`${GGA}\r\n${RMC}\r\n`)), {
    as: 'nmea',
    fields: [
      { name: 'Position', value: '48.117300 N, 11.516667 E' },
      { name: 'Altitude', value: '545.4 m' },
      { name: 'Time', value: '2094-03-23 12:35:19Z' },
      { name: 'Fix', value: 'GNSS' },
      { name: 'Satellites', value: '8' },
    ],
    problems: [],
  });
  t.match(contentsOf(channel, utf8(`${summed('GPGGA,,,,,,0,00,,,M,,M,,')}\r\n`)), {
    fields: [
      { name: 'Fix', value: 'none' },
      { name: 'Satellites', value: '0' },
    ],
    problems: ['the receiver does not know where it is'],
  });
  t.match(contentsOf(channel, utf8('what?')), { fields: [], problems: [/no sentence/] });
  t.end();
});
