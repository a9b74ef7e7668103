import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';

const run = promisify(execFile);
const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const PIN = '1234';

/** The real ssh-agent, and a PKCS#11 token in software, in a directory of their own. */
export class RealSshAgent {
  readonly environment: NodeJS.ProcessEnv;
  readonly #dir: string;
  readonly #process: ChildProcess;

  private constructor(dir: string, environment: NodeJS.ProcessEnv, process: ChildProcess) {
    this.#dir = dir;
    this.environment = environment;
    this.#process = process;
  }

  static async start(dir: string): Promise<RealSshAgent> {
    const socket = join(dir, 'agent.sock');
    const module = await realpath(MODULE);
    const config = join(dir, 'softhsm2.conf');
    await mkdir(join(dir, 'tokens'), { recursive: true });
    await writeFile(
      config,
      `directories.tokendir = ${join(dir, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    const environment = {
      PATH: process.env.PATH,
      HOME: dir,
      SSH_AUTH_SOCK: socket,
      SOFTHSM2_CONF: config,
      SSH_ASKPASS: join(dir, 'askpass'),
      SSH_ASKPASS_REQUIRE: 'force',
    };
    await writeFile(environment.SSH_ASKPASS, `#!/bin/sh\necho ${PIN}\n`);
    await chmod(environment.SSH_ASKPASS, 0o700);
    const agent = spawn('ssh-agent', ['-D', '-a', socket, '-P', module], {
      env: environment,
      stdio: 'ignore',
    });
    await eventually(() => existsSync(socket));
    return new RealSshAgent(dir, environment, agent);
  }

  /** Makes a key as ssh-keygen does, and adds it. */
  async addFileKey(comment: string, kind: 'ed25519' | 'rsa' | 'ecdsa'): Promise<void> {
    const file = join(this.#dir, `id-${comment}`);
    await this.#run('ssh-keygen', ['-q', '-t', kind, '-N', '', '-C', comment, '-f', file]);
    await this.#run('ssh-add', ['-q', file]);
  }

  /** Makes a P-256 key in a token, and adds the token. */
  async addToken(label: string): Promise<void> {
    await this.#run('softhsm2-util', [
      '--init-token',
      '--free',
      '--label',
      label,
      '--pin',
      PIN,
      '--so-pin',
      PIN,
    ]);
    const make = ['--keypairgen', '--key-type', 'EC:prime256v1', '--label', label, '--id', '01'];
    await this.#run('pkcs11-tool', [
      '--module',
      MODULE,
      '--login',
      '--pin',
      PIN,
      '--token-label',
      label,
      ...make,
    ]);
    await this.#run('ssh-add', ['-q', '-s', await realpath(MODULE)]);
  }

  /** Forgets all keys, as when a token is pulled. */
  async forget(): Promise<void> {
    await this.#run('ssh-add', ['-q', '-D']);
  }

  /** "SHA256:…" of the key with this comment, as ssh-add tells it. */
  async fingerprint(comment: string): Promise<string> {
    const { stdout } = await this.#run('ssh-add', ['-l']);
    return (
      stdout
        .split('\n')
        .find((line) => line.includes(` ${comment} `))
        ?.split(' ')[1] ?? ''
    );
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill();
    await ended;
  }

  #run(program: string, args: readonly string[]): Promise<{ readonly stdout: string }> {
    return run(program, [...args], { env: this.environment, timeout: 60_000 });
  }
}
