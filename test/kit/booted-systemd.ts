import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const PATIENCE_MS = 120_000;

/**
 * The root of this machine below a layer of memory, with an own systemd as its first process, an own network and own
 * devices. What the kernel keeps for all (/sys, /proc/sys) is read-only, as in systemd-nspawn.
 */
const BOOT = `
set -e
root="$1/root"
mount --make-rprivate /
mount -t tmpfs -o size=3g layer "$1"
mkdir "$1/upper" "$1/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
for name in null zero full random urandom tty fuse; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=755 run "$root/run"
mkdir "$root/srv/given"
cp -r "$2/." "$root/srv/given/"
cat >"$root/etc/systemd/system/shown.target" <<'UNIT'
[Unit]
Requires=basic.target
After=basic.target
UNIT
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\\nStorage=volatile\\n' >"$root/etc/systemd/journald.conf.d/shown.conf"
rm -rf "$root/var/log/journal"
ip link set lo up
cd "$root"
mkdir -p old
pivot_root . old
exec chroot . env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c \\
  'umount -l /old; mount --make-rshared /; exec /lib/systemd/systemd --unit=shown.target --show-status=0 --log-target=null' </dev/null
`;

export interface Result {
  readonly code: number;
  readonly said: string;
}

/** A system that was booted beside this one. Needs root, and to be allowed to mount. */
export class BootedSystemd {
  readonly #child: ChildProcess;
  readonly #first: string;

  private constructor(child: ChildProcess, first: string) {
    this.#child = child;
    this.#first = first;
  }

  /** Boots it; the files of `given` are in its /srv/given. */
  static async boot(work: string, given: string): Promise<BootedSystemd> {
    const script = join(work, 'boot');
    await writeFile(script, BOOT);
    const layer = join(work, 'layer');
    await mkdir(layer);
    const args = ['--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup', '--fork', '--kill-child'];
    const child = spawn('unshare', [...args, 'sh', script, layer, given], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr?.on('data', (text) => {
      complaint = (complaint + String(text)).slice(-2000);
    });
    const end = performance.now() + PATIENCE_MS;
    while (performance.now() < end && child.exitCode === null) {
      const first = await firstChild(child.pid ?? 0);
      if (first !== undefined) {
        const booted = new BootedSystemd(child, first);
        const { said } = await booted.run('systemctl', 'is-system-running');
        if (/^(running|degraded)$/m.test(said)) return booted;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    child.kill('SIGKILL');
    throw new Error(`systemd did not start; it needs root, and to be allowed to mount: ${complaint}`);
  }

  /** Runs a command there. */
  run(...command: string[]): Promise<Result> {
    return entered(['-t', this.#first, '-m', '-p', '-u', '-i', '-n', '-C', '--', ...command]);
  }

  /** Runs a command of this system within the network of that one. */
  inItsNetwork(command: readonly string[], cwd: string): Promise<Result> {
    return entered(['-t', this.#first, '-n', '--', ...command], cwd);
  }

  /** Starts one that stays there. */
  serve(command: readonly string[]): ChildProcess {
    return spawn('nsenter', ['-t', this.#first, '-n', '--', ...command], { stdio: 'ignore' });
  }

  /** As by a pulled plug. */
  async pull(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.on('close', resolve));
    process.kill(Number(this.#first), 'SIGKILL');
    await ended;
  }
}

async function entered(args: readonly string[], cwd = '/'): Promise<Result> {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: cwd };
  try {
    const { stdout, stderr } = await execute('nsenter', args, { cwd, env, timeout: PATIENCE_MS });
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: typeof code === 'number' ? code : -1, said: `${stdout ?? ''}${stderr ?? ''}` };
  }
}

/** The process id of the first process, once it is systemd. */
async function firstChild(parent: number): Promise<string | undefined> {
  const children = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '');
  const [pid] = children.trim().split(' ');
  if (pid === undefined || pid === '') return undefined;
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return name.trim() === 'systemd' ? pid : undefined;
}
