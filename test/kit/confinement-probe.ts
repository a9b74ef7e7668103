import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { toolConfinement } from '../../src/adapters/volume-tools/confine.ts';
import { runTool } from '../../src/adapters/volume-tools/run-tool.ts';
import { openVolumeEditors } from '../../src/adapters/volume-tools/volume-editors.ts';
import { allow, milliseconds, seconds, sentenceOf } from '../../src/base/index.ts';
import type { ToolConfinement } from '../../src/ports/index.ts';
import { MemoryDevice } from './memory-device.ts';
import { awaitProcessesWith } from './processes-with.ts';

/** What a hostile tool managed, and what was said of its confinement. */
export interface ConfinementSeen {
  readonly said: ToolConfinement;
  /** "reads-own-storage": true. */
  readonly seen: Readonly<Record<string, boolean>>;
  /** What an editor answers that may run confined programs only: "ok", or the code of its refusal. */
  readonly demanded: string;
  /** How the runs ended that should not go on. */
  readonly endless: Readonly<Record<'talk' | 'linger' | 'leave-child', string>>;
  /** Is there a process left of a run, seen from outside? */
  readonly left: Readonly<Record<'talk' | 'linger' | 'leave-child', boolean>>;
}

const signal = new AbortController().signal;

async function listening(
  server: Server,
  at: { port: number; host: string } | { path: string },
): Promise<void> {
  await new Promise<void>((resolve) => server.listen(at, resolve));
}

/** Lets a hostile tool try everything against files, sockets and processes of ours in `directory`. */
async function probe(directory: string, tool: string): Promise<ConfinementSeen> {
  const place = await mkdtemp(join(directory, 'probe-'));
  await chmod(place, 0o755);
  const at = (name: string): string => join(place, name);
  const servers = [createServer((line) => line.destroy()), createServer((line) => line.destroy())] as const;
  const bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
  try {
    await listening(servers[0], { port: 0, host: '127.0.0.1' });
    await listening(servers[1], { path: at('socket') });
    await chmod(at('socket'), 0o777);
    for (const name of ['secret', 'staged']) await writeFile(at(name), name, { mode: 0o600 });
    await writeFile(at('image'), new Uint8Array(4096), { mode: 0o600 });
    const address = servers[0].address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const setuid = join(directory, '..', 'setuid-id');
    const visible = [
      { path: at('image'), writable: true },
      { path: at('staged') },
      ...((await readFile(setuid).catch(() => undefined)) === undefined ? [] : [{ path: setuid }]),
    ];
    const names = ['secret', 'staged', 'image', 'socket'].map((name) => `${name}=${at(name)}`);
    const run = (act: string, word: string, deadline: number) =>
      runTool({
        tool,
        args: [
          act,
          ...names,
          `directory=${place}`,
          `port=${port}`,
          `pid=${bystander.pid}`,
          `setuid=${setuid}`,
          word,
        ],
        deadline: milliseconds(deadline),
        signal,
        confined: true,
        visible,
      });
    const { stdout, stderr } = await run('probe', 'word=probe', seconds(60));
    const seen = Object.fromEntries(
      stdout.split('\n').flatMap((line) => {
        const [what, answer] = line.split('=');
        return what === undefined || answer === undefined ? [] : [[what, answer === 'yes'] as const];
      }),
    );
    if (!('forks-many' in seen)) throw new Error(`the tool did not end: ${stdout}${stderr}`);
    const endless: Record<string, string> = {};
    const left: Record<string, boolean> = {};
    for (const act of ['talk', 'linger', 'leave-child']) {
      const word = `word=${act}-${place}`;
      endless[act] = await run(act, word, act === 'linger' ? 1000 : 60_000).then(
        ({ status }) => `ended ${status}`,
        sentenceOf,
      );
      const stays = act === 'leave-child' && !(await toolConfinement()).holds.includes('processes');
      const rest = await awaitProcessesWith(word, stays ? 'some' : 'none');
      left[act] = rest.length > 0;
      for (const pid of rest) process.kill(pid, 'SIGKILL');
    }
    return {
      said: await toolConfinement(),
      seen,
      endless,
      left,
      demanded: await demanded(directory),
    } as ConfinementSeen;
  } finally {
    bystander.kill('SIGKILL');
    for (const server of servers) server.close();
    await rm(place, { recursive: true, force: true });
  }
}

/** What comes of a check where confinement is demanded, and no program is loaded for it before. */
async function demanded(directory: string): Promise<string> {
  const fine = async () => allow(undefined);
  const load = async () => ({ capabilities: { types: ['a'] }, edit: fine, check: fine, replay: fine });
  const editor = await openVolumeEditors([{ types: ['a'], programs: [], load }], {
    stagedPath: (name) => name,
    directory: join(directory, 'mounts'),
    confinedOnly: true,
  });
  const made = await editor.check(new MemoryDevice('disk0', 4096), 'a', signal);
  return made.ok ? 'ok' : made.refusal.code;
}

/** Runs a tool that does not end, for as long as this process lives. */
async function hold(tool: string, word: string): Promise<never> {
  await runTool({ tool, args: ['linger', word], deadline: seconds(600), signal, confined: true });
  throw new Error('it ended');
}

const [directory, tool, word] = process.argv.slice(2);
if (directory === undefined || tool === undefined) throw new Error('usage: DIRECTORY TOOL [WORD]');
if (word !== undefined) await hold(tool, word);
process.stdout.write(JSON.stringify(await probe(directory, tool)));
process.exit(0);
