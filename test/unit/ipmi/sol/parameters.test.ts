import fc from 'fast-check';
import t from 'tap';
import { milliseconds, NsError } from '../../../../src/base/index.ts';
import { commands as c, runCommand } from '../../../../src/ipmi/index.ts';
import { readSolConfiguration } from '../../../../src/ipmi/sol/configuration.ts';
import { CannedCarrier, hex } from '../../../kit/canned-carrier.ts';

const never = new AbortController().signal;

/** Parameter, data, meaning: as IPMI 2.0, table 26-5, has them. */
const rows: readonly [number, string, c.SolParameter][] = [
  [0, '01', { is: 'set-in-progress', state: 'in progress' }],
  [1, '01', { is: 'enable', enabled: true }],
  [2, 'c3', { is: 'authentication', forceEncryption: true, forceAuthentication: true, level: 'operator' }],
  [3, '0c 60', { is: 'accumulation', interval: milliseconds(60), threshold: 96 }],
  [4, '07 32', { is: 'retry', count: 7, interval: milliseconds(500) }],
  [5, '06', { is: 'bit-rate', volatile: false, bitsPerSecond: 9600 }],
  [6, '0a', { is: 'bit-rate', volatile: true, bitsPerSecond: 115_200 }],
  [6, '00', { is: 'bit-rate', volatile: true, bitsPerSecond: undefined }],
  [7, '01', { is: 'payload-channel', channel: 1 }],
  [8, '6f 02', { is: 'payload-port', port: 623 }],
  [192, '01 02', { is: 'other', parameter: 192, data: hex('0102') }],
];

await t.test('each parameter is read and written as the specification has it', async (t) => {
  for (const [parameter, data, value] of rows) {
    t.same(c.decodeSolParameter(parameter, hex(data)), value);
    t.same(c.encodeSolParameter(value), [parameter, hex(data)]);
  }
});

await t.test('what has no place in a parameter is refused', async (t) => {
  const bad: readonly c.SolParameter[] = [
    { is: 'bit-rate', volatile: true, bitsPerSecond: 4800 },
    { is: 'accumulation', interval: milliseconds(7), threshold: 1 },
    { is: 'retry', count: 8, interval: milliseconds(10) },
    { is: 'payload-port', port: 65_536 },
  ];
  for (const value of bad) t.throws(() => c.encodeSolParameter(value), { code: 'NS_IPMI_ARGUMENT' });
});

await t.test('whatever a BMC answers is read, or is an error of ours', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 4 }), (parameter, data) => {
      try {
        return typeof c.decodeSolParameter(parameter, data).is === 'string';
      } catch (error) {
        return error instanceof NsError;
      }
    }),
  );
});

await t.test('questions and answers, byte by byte', async (t) => {
  const asked = async <A, R>(
    command: Parameters<typeof runCommand<A, R>>[1],
    args: A,
    answer: string,
  ): Promise<[string, R]> => {
    const carrier = new CannedCarrier(() => answer);
    const result = await runCommand(carrier, command, args, never);
    const { netFn, command: code, data } = carrier.asked[0]!;
    return [Buffer.from([netFn, code, ...data]).toString('hex'), result];
  };
  t.same(await asked(c.getSolConfigurationParameters, { parameter: 1 }, '11 01'), [
    '0c220e010000',
    { is: 'enable', enabled: true },
  ]);
  const off = { value: { is: 'enable', enabled: false }, channel: 1 } as const;
  t.equal((await asked(c.setSolConfigurationParameters, off, ''))[0], '0c21010100');
  t.same(await asked(c.getPayloadActivationStatus, {}, '02 01 80'), [
    '064a01',
    { capacity: 2, active: [1, 16] },
  ]);
  t.same(await asked(c.getPayloadInstanceInfo, {}, '08 00 00 02 01 00 00 00 00 00 00 00'), [
    '064b0101',
    { session: 0x0200_0008, serialPort: 1 },
  ]);
  t.same((await asked(c.getPayloadInstanceInfo, {}, '00 00 00 00 00'))[1].session, undefined);
  t.same(await asked(c.getChannelPayloadSupport, {}, '03 00 3f 00 01 00 00 00'), [
    '064e0e',
    [0, 1, 16, 17, 18, 19, 20, 21, 32],
  ]);
});

await t.test(
  'a BMC that tells only some is read as far as it tells, and one that tells none is an error',
  async (t) => {
    const some = new CannedCarrier(({ data }) => (data[1] === 1 ? '11 01' : [0x80, new Uint8Array(0)]));
    t.same(await readSolConfiguration(some, 14, never), { enabled: true });
    const none = new CannedCarrier(() => [0xc1, new Uint8Array(0)]);
    await t.rejects(readSolConfiguration(none, 14, never), {
      message: /does not know this command/,
    });
  },
);
