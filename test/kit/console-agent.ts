import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import { MiB } from '../../src/base/index.ts';
import { LOCK_DOCUMENTS } from '../../src/bmc/index.ts';
import { encodeLockRecord } from '../../src/bmc/lock-record.ts';
import { openDeviceKey } from '../../src/programs/agent/parts.ts';
import { publicKeyText, readChallengeWords, releaseCode, writeCode } from '../../src/security/index.ts';
import { buildAgent, startAgent } from './agent-program.ts';
import { testAgreement } from './agreement.ts';
import { addTechnicianTo } from './technicians.ts';

/** When all on the host's disk was written, in seconds since 1970. */
const WRITTEN = '1767323045';
const UUID = '5f1c3c0e-7a51-4a3e-9f5f-0d6f1a2b3c4d';
const TENANT = 'acme';

/** The agent as it is shipped, and a host's disk, for as many devices as a test wants. */
export class ConsoleAgents {
  readonly #dir: string;
  readonly #program: string;
  readonly #image: string;

  private constructor(dir: string, program: string, image: string) {
    this.#dir = dir;
    this.#program = program;
    this.#image = image;
  }

  static async build(dir: string): Promise<ConsoleAgents> {
    const image = join(dir, 'disk.img');
    const [program] = await Promise.all([buildAgent(dir), makeDisk(dir, image)]);
    // The native part of serial lines is no part of a bundle.
    await symlink(resolve('node_modules'), join(dir, 'node_modules'));
    return new ConsoleAgents(dir, program, image);
  }

  /** A device whose console is at this path, with the technicians tim, who may do his work, and uma, whom no keyring knows. Two people have disabled it some time ago; or released it already. */
  async start(name: string, path: string, { released = false } = {}): Promise<ConsoleAgent> {
    const dir = join(this.#dir, name);
    const state = join(dir, 'state');
    await mkdir(state, { recursive: true });
    await copyFile(this.#image, join(dir, 'disk0.img'));
    for (const unit of ['unit1.img', 'unit2.img']) {
      await writeFile(join(dir, unit), '');
      await truncate(join(dir, unit), MiB);
    }
    const tim = await addTechnicianTo({ state }, 'tim');
    await addTechnicianTo({ state }, 'uma');
    const officers = { sam: testAgreement(), tess: testAgreement() };
    await writeFile(
      join(dir, 'agent.yaml'),
      JSON.stringify({
        device: 'host1',
        tenant: TENANT,
        // Nobody listens there.
        broker: 'mqtt://127.0.0.1:1',
        state: 'state',
        log: 'json',
        keyring: [
          { ...tim, scopes: [{ hosts: ['host1'] }] },
          ...Object.entries(officers).map(([name, { publicKey }]) => ({
            name,
            role: 'security',
            key: publicKeyText(publicKey),
          })),
        ],
        console: { path, baud: 9600 },
        sim: {
          state: 'S5',
          switchDelayMs: 5,
          disks: [
            { name: 'disk0', image: 'disk0.img' },
            {
              name: 'chain0',
              members: [
                { image: 'unit1.img', serial: 'UNIT1' },
                { image: 'unit2.img', serial: 'UNIT2' },
              ],
            },
          ],
          dimms: [
            { slot: 'DIMM_A1', size: 65_536 },
            { slot: 'DIMM_B1', size: 0 },
          ],
        },
      }),
    );
    const store = await openFileStateStore(state);
    const record = encodeLockRecord(
      released
        ? {
            state: 'enabled',
            version: 8,
            reason: 'released at the console',
            since: Math.floor(Date.now() / 1000),
            by: 'ab'.repeat(8),
          }
        : { state: 'disabled', version: 7, reason: 'stolen' },
    );
    for (const name of LOCK_DOCUMENTS) await store.writeDocument(name, record);
    const { publicKey: deviceKey } = await openDeviceKey(state);
    const subject = { tenant: TENANT, device: 'host1', deviceKey: deviceKey.keyId };
    const life = startAgent(this.#program, dir);
    return {
      log: () => readFile(join(dir, 'agent.log'), 'utf8').catch(() => ''),
      codeOf: async (name, words) => {
        const read = readChallengeWords(words, subject);
        if (!read.ok) throw new Error(read.refusal.sentence);
        const own = officers[name];
        return writeCode(await releaseCode(own, deviceKey, read.value, subject, own.publicKey.keyId));
      },
      stop: async () => {
        life.process.kill('SIGTERM');
        return life.ended;
      },
    };
  }
}

export interface ConsoleAgent {
  /** What it has written into its log. */
  log(): Promise<string>;
  /** What this officer answers to the challenge of these words. */
  codeOf(name: 'sam' | 'tess', words: readonly string[]): Promise<string>;
  /** Asks it to end. Its exit code, or the signal that ended it. */
  stop(): Promise<number | NodeJS.Signals | null>;
}

/** The same bytes each time: what is shown of it is kept on paper. */
async function makeDisk(dir: string, path: string): Promise<void> {
  const files: readonly (readonly [path: string, content: string])[] = [
    ['/etc/hosts', '127.0.0.1 localhost\n'],
    ['/boot/vmlinuz', 'kernel'],
    ['/srv/plain.log', 'x'.repeat(3000)],
    ['/srv/two words', 'x'],
    // What it would do to a terminal: clear it, set its title, go back, turn the writing round.
    ['/srv/odd\x1b[2J\x1b]0;x\x07\b\u00e9\u202e', 'x'],
    ['/var/log/syslog', 'y'.repeat(70_000)],
    ['/var/log/syslog.1', 'z'.repeat(5000)],
    ...Array.from({ length: 60 }, (_, n) => [`/srv/many/${String(n).padStart(2, '0')}`, ''] as const),
  ];
  const script = ['/etc', '/boot', '/srv', '/srv/many', '/var', '/var/log'].map((name) => `mkdir ${name}`);
  for (const [i, [name, content]] of files.entries()) {
    const from = join(dir, `content-${i}`);
    await writeFile(from, content, { mode: 0o640 });
    await chmod(from, 0o640);
    script.push(`write ${from} "${name}"`);
  }
  await writeFile(join(dir, 'script'), script.join('\n'));
  const run = promisify(execFile);
  const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, E2FSPROGS_FAKE_TIME: WRITTEN };
  const fixed = ['-U', UUID, '-E', `hash_seed=${UUID},lazy_itable_init=0`];
  await run('mkfs.ext4', ['-q', '-F', '-L', 'root', '-b', '1024', ...fixed, path, '8M'], { env });
  const { stderr } = await run('debugfs', ['-w', '-f', join(dir, 'script'), path], { env });
  const wrong = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('debugfs '));
  if (wrong.length > 0) throw new Error(`debugfs: ${wrong.join('; ')}`);
}
