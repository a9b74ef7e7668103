import t from 'tap';
import { ConsoleIo } from '../../../../src/adapters/host-console/console-io.ts';
import { fromUtf8, utf8 } from '../../../../src/base/index.ts';
import type { HostConsole } from '../../../../src/ipmi/index.ts';
import type { ChannelValue } from '../../../../src/ports/index.ts';
import { ioDevicesContract } from '../../../contract/io-devices.ts';

/** A console whose other end is in the test's hands. */
class Wire implements HostConsole {
  readonly written: string[] = [];
  full = false;
  #listener: ((bytes: Uint8Array) => void) | undefined;

  write(bytes: Uint8Array): boolean {
    if (!this.full) this.written.push(fromUtf8(bytes) ?? '?');
    return !this.full;
  }

  onData(listener: (bytes: Uint8Array) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }

  say(text: string): void {
    this.#listener?.(utf8(text));
  }
}

const text = (value: ChannelValue): string => fromUtf8(value as Uint8Array) ?? '?';

await ioDevicesContract('console as a channel', async () => ({
  io: new ConsoleIo('console', new Wire()),
  pass: async () => {},
}));

await t.test('what the host says is read once, or heard by whoever watches', async (t) => {
  const wire = new Wire();
  const io = new ConsoleIo('console', wire);
  wire.say('login: ');
  t.equal(text(await io.read('console')), 'login: ');
  t.equal(text(await io.read('console')), '');
  const heard: string[] = [];
  const stop = io.watch('console', (value) => heard.push(text(value)));
  wire.say('now');
  stop();
  wire.say('later');
  t.same(heard, ['now']);
  t.equal(text(await io.read('console')), 'later');
  io.close();
  wire.say('gone');
  t.equal(text(await io.read('console')), '');
});

await t.test('a host that says too much loses the oldest of it', async (t) => {
  const wire = new Wire();
  const io = new ConsoleIo('console', wire);
  wire.say('a'.repeat(5000));
  wire.say('end');
  const read = text(await io.read('console'));
  t.equal(read.length, 4096);
  t.ok(read.endsWith('aend'));
});

await t.test('bytes are written whole, or not at all; numbers are not bytes', async (t) => {
  const wire = new Wire();
  const io = new ConsoleIo('console', wire);
  await io.write('console', utf8('root\r'));
  wire.full = true;
  await t.rejects(io.write('console', utf8('x')), { code: 'NS_IO_FAILED', retryable: true });
  await t.rejects(io.write('console', 1), { code: 'NS_IO_FAILED', family: 'caller' });
  t.same(wire.written, ['root\r']);
});
