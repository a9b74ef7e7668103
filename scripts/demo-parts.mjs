// What the demo is made of: programs that it starts and stops, and a disk for the simulated host.
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
export const MIB = 1024 * 1024;
export const VOLUME_AT = MIB;
export const children = new Set();

export function say(text) {
  process.stdout.write(`${text}\n`);
}

export function tool(command, args, options = {}) {
  const run = spawnSync(command, args, { env, encoding: 'utf8', ...options });
  if (run.status !== 0)
    throw new Error(`${command} ended with ${run.status}: ${run.stderr ?? ''}${run.stdout ?? ''}`);
  return run.stdout ?? '';
}

export function start(name, args, cwd) {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const log = createWriteStream(join(cwd, `${name}.log`), { flags: 'a' });
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  child.ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
  child.ended.then(() => children.delete(child));
  return child;
}

/** Waits for a line of a child's output. */
export function line(child, pattern, what) {
  return new Promise((resolve, reject) => {
    let seen = '';
    const timer = setTimeout(() => reject(new Error(`${what} did not come up in time:\n${seen}`)), 30_000);
    const look = (chunk) => {
      seen += chunk;
      const found = pattern.exec(seen);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('exit', (code) => reject(new Error(`${what} ended with ${code}:\n${seen}`)));
  });
}

/** A UDP port of the loopback address that nobody has. */
export async function freeUdpPort() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** One command to the simulated host, as if somebody stood before it. */
export function atTheHost(socket, command) {
  return new Promise((resolve, reject) => {
    const link = connect(socket);
    let answer = '';
    link.on('error', reject);
    link.on('data', (chunk) => {
      answer += chunk;
      if (!answer.includes('\n')) return;
      link.end();
      const parsed = JSON.parse(answer);
      if (parsed.ok === true) resolve(parsed);
      else reject(new Error(answer));
    });
    link.write(`${JSON.stringify(command)}\n`);
  });
}

/** A disk with a partition table and one ext4 volume: a log tree, a large file, a deep path. */
export async function makeDisk(dir) {
  const tree = join(dir, 'tree');
  await mkdir(join(tree, 'var/log/app'), { recursive: true });
  await mkdir(join(tree, 'etc'), { recursive: true });
  await mkdir(join(tree, 'srv/a/very/deep/path/with/many/levels/of/directories'), { recursive: true });
  await writeFile(join(tree, 'etc/hostname'), 'sleepy\n');
  await writeFile(join(tree, 'etc/fstab'), '/dev/sda1 / ext4 defaults 0 1\n');
  for (let day = 1; day <= 5; day += 1) {
    await writeFile(
      join(tree, `var/log/app/2026-11-0${day}.log`),
      `day ${day}: nothing went wrong\n`.repeat(200 * day),
    );
  }
  await writeFile(join(tree, 'var/log/syslog'), 'last words before shutdown\n');
  await writeFile(
    join(tree, 'srv/a/very/deep/path/with/many/levels/of/directories/note.txt'),
    'you found me\n',
  );
  await writeFile(join(tree, 'srv/dump.bin'), randomBytes(64 * MIB));
  const image = join(dir, 'disk0.img');
  tool('truncate', ['-s', '256M', image]);
  tool('sfdisk', ['-q', image], { input: 'label: gpt\nstart=2048, type=linux, name=root\n' });
  tool('mkfs.ext4', ['-q', '-F', '-L', 'root', '-d', tree, '-E', `offset=${VOLUME_AT}`, image, '254M']);
  const dump = createHash('sha256')
    .update(await readFile(join(tree, 'srv/dump.bin')))
    .digest('hex');
  await rm(tree, { recursive: true });
  return { image, dump };
}

/** Cuts an image into the drives of a chain; the first border lies within a filesystem block. */
export async function splitDisk(image, names) {
  const whole = await readFile(image);
  const borders = [0, 60 * MIB + 512, 150 * MIB, whole.byteLength];
  for (const [i, name] of names.entries())
    await writeFile(join(dirname(image), name), whole.subarray(borders[i], borders[i + 1]));
  await rm(image);
}

/** The drives of a chain, one after the other, as one image: what a host would see. */
export function joinDisk(dir, names) {
  const image = join(dir, 'joined.img');
  tool('sh', ['-c', `cat ${names.join(' ')} > joined.img`], { cwd: dir });
  return image;
}

export function check(image) {
  const run = spawnSync('e2fsck', ['-fn', `${image}?offset=${VOLUME_AT}`], { env, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`e2fsck found the disk damaged (${run.status}):\n${run.stdout}`);
  return run.stdout.trim().split('\n').at(-1);
}

export const CODES = { ok: 0, usage: 2, refused: 3, failed: 4 };
