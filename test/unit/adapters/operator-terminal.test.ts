import { PassThrough } from 'node:stream';
import t from 'tap';
import { Terminal } from '../../../src/adapters/operator-terminal.ts';

function terminal(isTTY: boolean) {
  const make = () => Object.assign(new PassThrough(), { isTTY, columns: 100, setRawMode: () => undefined });
  const streams = { stdin: make(), stdout: make(), stderr: make() };
  const said = { out: '', err: '' };
  streams.stdout.on('data', (data: Buffer) => {
    said.out += data.toString();
  });
  streams.stderr.on('data', (data: Buffer) => {
    said.err += data.toString();
  });
  return { streams, said, terminal: new Terminal(streams as never) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

await t.test('in a pipe there is no progress line and no question', async (t) => {
  const { said, terminal: it } = terminal(false);
  it.status('50 %');
  it.print('answer');
  await t.rejects(it.secret('Passphrase'), { code: 'NS_USAGE' });
  await t.rejects(it.confirm('Sure?'), { code: 'NS_USAGE' });
  await turn();
  t.same(said, { out: 'answer\n', err: '' });
});

await t.test('on a terminal the progress line makes room for answers and comes back', async (t) => {
  const { said, terminal: it } = terminal(true);
  t.equal(it.width, 100);
  it.status('50 %');
  it.print('answer');
  it.status('');
  await turn();
  t.equal(said.out, 'answer\n');
  t.equal(said.err, '\r\u001b[K50 %\r\u001b[K50 %\r\u001b[K');
});

await t.test('a secret is taken without echo, with its corrections', async (t) => {
  const { streams, said, terminal: it } = terminal(true);
  const answer = it.secret('Passphrase');
  streams.stdin.write('horsf');
  streams.stdin.write('\u007fe\r');
  t.equal(await answer, 'horse');
  await turn();
  t.notMatch(said.err, /hors/);
});

await t.test('only yes is yes, and Ctrl-C is neither', async (t) => {
  for (const [typed, meant] of [
    ['y\r', true],
    ['YES\n', true],
    ['\r', false],
    ['yeah\r', false],
  ] as const) {
    const { streams, terminal: it } = terminal(true);
    const answer = it.confirm('Sure?');
    streams.stdin.write(typed);
    t.equal(await answer, meant);
  }
  const { streams, terminal: it } = terminal(true);
  const answer = it.confirm('Sure?');
  streams.stdin.write('\u0003');
  await t.rejects(answer, { code: 'NS_INTERRUPTED' });
});

await t.test('a reader that goes away ends nothing', async (t) => {
  const { streams, terminal: it } = terminal(false);
  streams.stdout.destroy(new Error('EPIPE'));
  await turn();
  t.doesNotThrow(() => it.print('into nothing'));
});

await t.test(
  'answers are drawn over each other on a terminal, and nothing of those before stays',
  async (t) => {
    t.equal(terminal(false).terminal.screen, undefined);
    const { said, terminal: it } = terminal(true);
    t.same(it.screen, { rows: 24, columns: 100 }, 'a terminal that does not say how high it is has 24 rows');
    it.redraw(['one', 'two']);
    await turn();
    t.equal(said.out, '\u001b[Hone\u001b[K\ntwo\u001b[K\n\u001b[J');
  },
);

await t.test('Enter alone takes what is usual', async (t) => {
  const { streams, said, terminal: it } = terminal(true);
  const usual = it.question('Broker', 'mqtt://127.0.0.1:1883');
  streams.stdin.write('\r');
  t.equal(await usual, 'mqtt://127.0.0.1:1883');
  const other = it.question('Device', '');
  streams.stdin.write('db1\r');
  t.equal(await other, 'db1');
  await turn();
  const shown = said.err.replaceAll('\r\u001b[K', '');
  t.equal(shown, 'Broker [mqtt://127.0.0.1:1883]: \nDevice: db1\n');
});
