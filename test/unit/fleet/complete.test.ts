import fc from 'fast-check';
import t from 'tap';
import { type CommandModel, complete, manPage } from '../../../src/fleet/index.ts';

const leaf = (name: string, rest: Partial<CommandModel> = {}): CommandModel => ({
  name,
  says: `does ${name}.`,
  options: [],
  arguments: [],
  commands: [],
  ...rest,
});
const argument = (name: string, variadic = false) => ({ name, required: true, variadic });
const root = leaf('nightshift', {
  options: [
    { flags: ['--json'], says: 'as JSON' },
    { flags: ['--key'], value: '<file>', says: 'the key' },
  ],
  commands: [
    leaf('status', { arguments: [argument('hosts')] }),
    leaf('stat', {
      arguments: [argument('hosts'), argument('path')],
      options: [{ flags: ['-l', '--long'], says: 'more' }],
    }),
    leaf('put', { arguments: [argument('local'), argument('hosts'), argument('path')] }),
    leaf('verify', { arguments: [argument('paths', true)] }),
    leaf('explain', { arguments: [argument('code')] }),
    leaf('chain', {
      options: [{ flags: ['--level'], value: '<level>', choices: ['power', 'disk'], says: 'which' }],
      commands: [leaf('sync', { arguments: [argument('hosts')] })],
    }),
  ],
});
const names = {
  devices: ['rack1', 'rack2', 'web1'],
  groups: ['racks'],
  codes: ['HOST_AWAKE', 'HOST_WAKING'],
};
const words = (...typed: string[]) => {
  const found = complete(root, typed, names);
  return found.is === 'files' ? ':files' : found.words;
};

await t.test('commands, options, hosts and codes are completed where they can stand', async (t) => {
  t.same(words('sta'), ['status', 'stat']);
  t.same(words('--json', 'chain', ''), ['sync']);
  t.same(words('status', 'ra'), ['rack1', 'rack2']);
  t.same(words('status', '@'), ['@racks', '@all']);
  t.same(words('status', 'rack1,w'), ['rack1,web1'], 'the last of a list');
  t.same(words('status', 'rack[1-'), []);
  t.same(words('stat', '--l'), ['--long']);
  t.same(words('stat', 'rack1', '--j'), ['--json'], 'an option of all commands');
  t.same(words('explain', 'HOST_W'), ['HOST_WAKING']);
  t.same(words('chain', '--level', ''), ['power', 'disk']);
  t.same(words('chain', '--level=d'), ['--level=disk']);
  t.same(words('chain', 'sync', 'w'), ['web1']);
});

await t.test('where a file of this machine is wanted, the shell is asked', async (t) => {
  t.equal(words('--key', ''), ':files');
  t.equal(words('put', 'x'), ':files');
  t.same(words('put', 'x', 'web'), ['web1']);
  t.equal(words('verify', 'a', 'b', ''), ':files', 'any number of them');
});

await t.test('whatever is typed gets an answer that goes on from it', async () => {
  const typed = fc.array(
    fc.oneof(fc.string(), fc.constantFrom('status', '--key', '--key=', 'chain', '-', 'rack[')),
  );
  fc.assert(
    fc.property(typed, (given) => {
      const found = complete(root, given, names);
      return found.is === 'files' || found.words.every((word) => word.startsWith(given.at(-1) ?? ''));
    }),
  );
});

await t.test(
  'the manual page names every command and option, and no line of it is a request by accident',
  async (t) => {
    const odd = leaf('odd', { says: "'it' \\fBis\n.so /etc/passwd", arguments: [argument('hosts')] });
    const page = manPage(
      { ...root, commands: [...root.commands, odd] },
      { version: '1.0', date: '2026-11-21', after: '.sh\nEXIT 0' },
    );
    for (const word of ['status', 'sync', '\\-\\-level', 'power, disk']) t.ok(page.includes(word), word);
    const requests = page.split('\n').filter((line) => /^[.']/.test(line));
    t.ok(
      requests.every((line) => /^\.(TH|SH|SS|B|RI|TP|nf|fi|sp)\b/.test(line)),
      requests.join('\n'),
    );
  },
);
