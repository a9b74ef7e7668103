import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { publicKeyText } from '../../src/security/index.ts';
import { buildCli, runCli } from '../kit/cli.ts';
import { testKey } from '../kit/keys.ts';

const directory = await mkdtemp(join(tmpdir(), 'ns-shell-'));
t.teardown(() => rm(directory, { recursive: true, force: true }));
const cli = await buildCli(directory);
await writeFile(join(directory, 'nightshift'), `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`, {
  mode: 0o755,
});

/** What the program prints, its standard error among it. */
function run(
  program: string,
  args: readonly string[],
  input = '',
): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const env = {
      HOME: directory,
      PATH: `${directory}:/usr/bin:/bin:${process.env.PATH ?? ''}`,
      TERM: 'dumb',
    };
    const child = spawn(program, args, { cwd: directory, env, stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, text }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

const keys = ['rack1', 'rack2', 'web1'].map((name) => `  ${name}: ${publicKeyText(testKey().publicKey)}\n`);
await writeFile(
  join(directory, 'nightshift.yaml'),
  `broker: mqtt://127.0.0.1:1\ntenant: acme\ndevices:\n${keys.join('')}groups:\n  racks: rack[1-2]\n`,
);
await writeFile(join(directory, 'olga.key'), '');

await t.test('bash completes commands, hosts, values and files', async (t) => {
  const ask = (line: string) => `
COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}
read -r -a COMP_WORDS <<<"\${COMP_LINE//=/ = }"; [[ "$COMP_LINE" == *" " || "$COMP_LINE" == *= ]] && COMP_WORDS+=("")
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _nightshift; printf '%s ' "\${COMPREPLY[@]}"; echo`;
  const lines = [
    'nightshift sta',
    'nightshift status ra',
    'nightshift status rack1,w',
    'nightshift --key ol',
    'nightshift keys new --role=gov',
  ];
  const { text } = await run(
    'bash',
    ['--norc'],
    `source <(nightshift completion bash)\n${lines.map(ask).join('\n')}\n`,
  );
  const said = text
    .trim()
    .split('\n')
    .map((line) => line.trim());
  t.match(said[0], /\bstatus\b/);
  t.equal(said[1], 'rack1 rack2');
  t.equal(said[2], 'rack1,web1');
  t.equal(said[3], 'olga.key');
  t.equal(said[4], 'governor');
});

await t.test('zsh completes commands and hosts', async (t) => {
  const ask = (...words: string[]) =>
    `words=(${words.map((word) => JSON.stringify(word)).join(' ')}); CURRENT=\${#words}; _nightshift`;
  const script = `
compdef() { :; }
compadd() { shift 2; print -r -- "$@"; }
_files() { print -r -- FILES; }
source <(nightshift completion zsh)
${ask('nightshift', 'sta')}
${ask('nightshift', 'status', 'ra')}
${ask('nightshift', '--key', '')}
`;
  const { text } = await run('zsh', ['-f'], script);
  const said = text.trim().split('\n');
  t.match(said[0], /\bstatus\b/);
  t.equal(said[1], 'rack1 rack2');
  t.equal(said[2], 'FILES');
});

await t.test('fish completes commands and hosts', async (t) => {
  const script = `
nightshift completion fish | source
complete -C 'nightshift sta'
echo ==
complete -C 'nightshift status ra'
echo ==
complete -C 'nightshift --key ol'
`;
  const file = join(directory, 'try.fish');
  await writeFile(file, script);
  const { text } = await run('fish', ['--no-config', file]);
  const [commands = '', hosts, files] = text.split('==\n').map((part) =>
    part
      .trim()
      .split('\n')
      .map((line) => line.split('\t')[0]),
  );
  t.ok(commands.includes('status'));
  t.same(hosts, ['rack1', 'rack2']);
  t.same(files, ['olga.key']);
});

await t.test('the manual page is one, by the strictest reader of such', async (t) => {
  const { stdout } = await runCli(cli, ['man'], { cwd: directory });
  await writeFile(join(directory, 'nightshift.1'), stdout);
  const linted = await run('mandoc', ['-Tlint', '-Wwarning', join(directory, 'nightshift.1')]);
  t.equal(linted.text, '');
  const shown = await run('mandoc', ['-Tascii', join(directory, 'nightshift.1')]);
  // Bold and underlined letters are struck over by a backspace.
  const plain = shown.text
    .split('\b')
    .reduce((done, part) => done.slice(0, -1) + part)
    .toLowerCase();
  for (const word of ['volumes', '--json', 'EXIT', 'Exit status'])
    t.ok(plain.includes(word.toLowerCase()), word);
});

await t.test('who reads no further, as head does, is no error', async (t) => {
  const { code, text } = await run('bash', ['-c', 'set -o pipefail; nightshift --help | true']);
  t.equal(code, 0);
  t.equal(text, '');
});
