import { readdir, readFile } from 'node:fs/promises';
import t from 'tap';
import { mountScript } from '../../src/adapters/ntfs-3g/mount-script.ts';
import { runTool } from '../../src/adapters/volume-tools/run-tool.ts';
import { MOUNT_POINT } from '../../src/adapters/volume-tools/sandbox.ts';
import { seconds } from '../../src/base/index.ts';
import type { NtfsStep } from '../../src/storage/index.ts';
import { inheritedSecurity } from '../../src/storage/ntfs/inherit-security.ts';
import { noise } from '../kit/noise.ts';
import { ntfsBench } from '../kit/ntfs-bench.ts';

const { directory, stage, image, on, fsck, look } = await ntfsBench();
t.teardown(() => directory.remove());
const { signal } = new AbortController();

/**
 * Finds the mount in the kernel's list and looks at nothing: mountpoint, which looks first, does no more where the mount comes
 * between the two.
 */
const UNSEEN = `mountpoint() { grep -q " $2 " /proc/self/mountinfo && echo mounted; }\n`;

await t.test('a mount that nobody has looked at yet takes every first step', async (t) => {
  const path = await on(await image(8));
  const security = inheritedSecurity(undefined, false);
  const [none, large] = [await stage('none', new Uint8Array(0)), await stage('large', noise(300_000, 1))];
  const rows: readonly [mounts: number, step: NtfsStep][] = [
    [1, { step: 'make-directory', path: '/directory', security: inheritedSecurity(undefined, true) }],
    [1, { step: 'write', path: '/empty', content: none, security, attributes: 0x20 }],
    [
      2,
      {
        step: 'write',
        path: '/large',
        content: large,
        security,
        attributes: 0x20,
        aside: { path: '/aside', allocated: true },
      },
    ],
    [1, { step: 'link', path: '/link', to: '/empty' }],
    [1, { step: 'remove-file', path: '/empty' }],
    [1, { step: 'remove-directory', path: '/directory' }],
  ];
  for (const [mounts, step] of rows) {
    const { status, stdout, stderr } = await runTool({
      tool: 'sh',
      args: ['-s', '--', path, MOUNT_POINT],
      input: Buffer.from(UNSEEN + mountScript([step], () => '/nowhere')),
      deadline: seconds(60),
      signal,
      confined: true,
      mounts: true,
      visible: [{ path, writable: true }],
    });
    t.same(
      { status, stdout, why: status === 0 ? '' : stderr },
      { status: 0, stdout: 'mounted\n'.repeat(mounts), why: '' },
      `${step.step} ${step.path}`,
    );
  }
  for (const content of [none, large]) await content.data.close();
  const after = new Uint8Array(await readFile(path));
  t.equal(await fsck(after), '');
  await look(after, async (root) => {
    t.same((await readdir(root)).sort(), ['large', 'link']);
  });
});
