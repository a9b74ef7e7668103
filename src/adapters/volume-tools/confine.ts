import { stat } from 'node:fs/promises';
import { type Duration, GiB, NsError, seconds, sentenceOf } from '../../base/index.ts';
import type { ToolConfinement } from '../../ports/index.ts';
import { type ConfinementPlan, findConfinement } from './confinement.ts';
import { hasProgram, isRoot } from './environment.ts';
import { confinedCommand, type SandboxedTool } from './sandbox.ts';
import { firstLine, startTool } from './start-tool.ts';
import { borrowUser, lendPaths, systemDirectories } from './tool-user.ts';
import type { VisiblePath } from './visible-path.ts';

export interface ConfinedStart {
  readonly command: string;
  readonly args: readonly string[];
  readonly sandbox: boolean;
  /** The list of users that the tool sees, where it sees one. */
  readonly users?: string;
}

interface ToConfine {
  readonly tool: string;
  readonly args: readonly string[];
  readonly deadline: Duration;
  readonly confined?: true | 'raw-io' | false;
  readonly visible?: readonly VisiblePath[];
  readonly mounts?: boolean;
}

/** Enough for e2fsck over some terabytes. */
const ADDRESS_SPACE = 1 * GiB;
const TRIAL_DEADLINE = seconds(10);

let known: Promise<ToolConfinement> | undefined;
/** How far tools are confined on this system. Tried once. */
export function toolConfinement(): Promise<ToolConfinement> {
  known ??= findConfinement({ root: isRoot(), has: hasProgram }, whyNot);
  return known;
}

let mountable: Promise<string | undefined> | undefined;
/** Why no confined tool can mount by FUSE (`mounts` of a run); undefined where it can. Tried once. */
export function whyNoMounts(): Promise<string | undefined> {
  mountable ??= (async () => {
    const { holds } = await toolConfinement();
    const plan = new Set(holds);
    if (!plan.has('files') || !plan.has('processes')) return 'tools have no sandbox to mount in';
    if (isRoot() && !plan.has('user')) return 'tools have no user of their own';
    const user = borrowUser();
    try {
      await lendFuse(user.gid);
      return await whyNot(plan, { tool: 'sh', args: ['-c', ': 3<>/dev/fuse'], mounts: true });
    } catch {
      return 'there is no /dev/fuse';
    } finally {
      user.giveBack();
    }
  })();
  return mountable;
}

let outside: Promise<ConfinementPlan> | undefined;
function outsideSandbox(): Promise<ConfinementPlan> {
  const has = (program: string) => program !== 'bwrap' && hasProgram(program);
  outside ??= findConfinement({ root: isRoot(), has }, whyNot).then(({ holds }) => new Set(holds));
  return outside;
}

/** Makes ready what a tool is confined by; `giveBack` when it has ended. */
export async function confine(
  run: ToConfine,
): Promise<{ readonly start: ConfinedStart; readonly giveBack: () => void }> {
  if (run.confined === 'raw-io') {
    const { cpuSeconds } = asked(run).limits;
    const tool = { ...asked(run), limits: { cpuSeconds }, capability: 'sys_rawio' };
    return { start: startOf(await outsideSandbox(), tool), giveBack: () => {} };
  }
  const plan: ConfinementPlan = new Set((await toolConfinement()).holds);
  if (run.mounts === true) {
    const why = await whyNoMounts();
    if (why !== undefined) throw new NsError('NS_TOOL_FAILED', `${run.tool} cannot mount: ${why}`);
  }
  const user = borrowUser();
  try {
    const visible = run.visible ?? [];
    if (isRoot() && plan.has('user')) await lendPaths(visible, user.gid);
    const fileSize = await longestFile(visible);
    const start = startOf(plan, asked(run, fileSize), user);
    return { start, giveBack: user.giveBack };
  } catch (cause) {
    user.giveBack();
    throw new NsError('NS_TOOL_FAILED', `${run.tool} cannot be shown what it works on`, { cause });
  }
}

function asked(run: ToConfine, fileSize?: number): SandboxedTool {
  const cpuSeconds = Math.ceil(run.deadline / 1000) + 1;
  return {
    tool: run.tool,
    args: run.args,
    visible: run.visible ?? [],
    limits: { addressSpace: ADDRESS_SPACE, cpuSeconds, ...(fileSize === undefined ? {} : { fileSize }) },
    ...(run.mounts === true ? { mounts: true } : {}),
  };
}

function startOf(
  plan: ConfinementPlan,
  run: SandboxedTool,
  user: { readonly uid: number; readonly gid: number } = { uid: 0, gid: 0 },
): ConfinedStart {
  const { uid, gid } = user;
  const host = { root: isRoot(), uid, gid, system: systemDirectories() };
  const [command, ...args] = confinedCommand(plan, host, run);
  const users = run.mounts === true ? `tool:x:${uid}:${gid}::/nonexistent:/bin/false\n` : undefined;
  return { command, args, sandbox: plan.has('files'), ...(users === undefined ? {} : { users }) };
}

/** A file may grow to what the longest writable path has; undefined where that is a directory or a device. */
async function longestFile(visible: readonly VisiblePath[]): Promise<number | undefined> {
  let longest = 0;
  for (const { path, writable } of visible) {
    if (writable !== true) continue;
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    longest = Math.max(longest, found.size);
  }
  return longest;
}

/** Where /dev/fuse is not for everyone, as udev makes it, tools get it. */
async function lendFuse(gid: number): Promise<void> {
  if (isRoot()) await lendPaths([{ path: '/dev/fuse', writable: true }], gid);
}

/** Runs a program that does nothing, and says why that failed. */
async function whyNot(
  plan: ConfinementPlan,
  program: Pick<SandboxedTool, 'tool' | 'args' | 'mounts'> = { tool: 'true', args: [] },
): Promise<string | undefined> {
  const user = borrowUser();
  const limits = { addressSpace: ADDRESS_SPACE, cpuSeconds: 10, fileSize: 0 };
  const start = startOf(plan, { ...program, visible: [], limits }, user);
  const { signal } = new AbortController();
  try {
    const { tool } = program;
    const { status, stderr } = await startTool({
      ...start,
      tool,
      confined: true,
      deadline: TRIAL_DEADLINE,
      signal,
    });
    return status === 0 ? undefined : firstLine(stderr);
  } catch (error) {
    return sentenceOf(error).replace(/^\S+ cannot be (?:confined|run): /, '');
  } finally {
    user.giveBack();
  }
}
