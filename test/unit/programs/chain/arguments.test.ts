import t from 'tap';
import { readChainArguments } from '../../../../src/programs/chain/arguments.ts';

const wrong = (line: string) => () => readChainArguments(line.split(' ').filter((word) => word !== ''));

void t.test('serve takes its members in the order of the chain', async (t) => {
  const command = readChainArguments(['serve', '--member', 'b', '--member', 'a', '--socket', '/run/s']);
  t.match(command, {
    is: 'serve',
    options: { members: ['b', 'a'], at: { is: 'unix', path: '/run/s' }, sectorSize: 512, exportName: '' },
  });
});

void t.test('links are told apart by their kind', async (t) => {
  const below = (text: string) => {
    const command = readChainArguments([
      'unit',
      '--member',
      'm',
      '--above',
      'listen:/run/up',
      '--below',
      text,
    ]);
    return command.is === 'unit' ? command.options.below : undefined;
  };
  t.same(below('connect:/run/x'), { is: 'connect', path: '/run/x' });
  t.same(below('serial:/dev/ttyS1'), { is: 'serial', device: '/dev/ttyS1', baud: 115200 });
  t.same(below('serial:/dev/ttyS1@9600'), { is: 'serial', device: '/dev/ttyS1', baud: 9600 });
  t.throws(() => below('tcp:elsewhere:1'), { code: 'NS_USAGE' });
  t.throws(() => below('serial:/dev/ttyS1@9'), { code: 'NS_USAGE' });
});

void t.test('an order goes to a control socket', async (t) => {
  t.same(readChainArguments(['pull', '2', '--control', 'c']), { is: 'order', order: 'pull 2', control: 'c' });
  t.match(readChainArguments(['relocate', '0', '3', '--control', 'c']), { order: 'relocate 0 3' });
  t.same(readChainArguments(['disable', '--control', 'c']), { is: 'order', order: 'disable', control: 'c' });
});

void t.test('what cannot be meant is said in one sentence', async (t) => {
  for (const line of [
    '',
    'serve',
    'serve --member a',
    'serve --member a --socket s --port 1',
    'serve --socket s',
    'serve --member a --port 70000',
    'serve --member a --socket s --sector-size 520',
    'serve --member a --socket s --tls-cert c',
    'serve extra --member a --socket s',
    'unit --member a',
    'unit --member a --member b --above listen:x',
    'pull --control c',
    'pull x --control c',
    'relocate 1 --control c',
    'fail --control c',
    'disable',
    'wipe --control c',
    'serve --nonsense',
  ]) {
    t.throws(wrong(line), { code: 'NS_USAGE' }, line === '' ? '(nothing)' : line);
  }
});
