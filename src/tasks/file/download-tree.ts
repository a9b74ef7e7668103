import { allow, minutes, refuse, type Verdict } from '../../base/index.ts';
import type { FileSystem, StagedFile, VolumeEdit } from '../../ports/index.ts';
import type { EffectNote, Order, ResultOf } from '../../protocol/index.ts';
import { checkNewNames, joinPath, parentPath, parseHostPath } from '../../storage/index.ts';
import type { TaskServices } from '../services.ts';
import type { ClaimToAnswer, EffectFacts, EffectFate, TaskContext } from '../task.ts';
import { commitChange, recordedEffect } from './commit-change.ts';
import { breather } from './give-way.ts';
import { indexArchive, type TreeEntry } from './index-archive.ts';
import { planTreePut } from './plan-tree-put.ts';
import { guardedPaths } from './protect.ts';
import { checkAllMade, checkSystem, takeShare } from './protect-system.ts';
import { readBackFile } from './read-back.ts';
import { findRealPlace, type RealPlace } from './real-path.ts';
import { dropContent, stage, stagedNames } from './staging.ts';
import { differsFromTree } from './tree-is-there.ts';
import type { TreePutPlan } from './tree-put.ts';
import {
  DISKS,
  inspectVolume,
  recordedVolume,
  type VolumeAccess,
  volumeFacts,
  withVolume,
} from './volume-access.ts';

type PutOrder = Order<'file.download'>;
type TreeNote = NonNullable<ResultOf<'file.download'>['tree']>;

/** Of all changes, so many and so long are told of; the rest is counted. */
const MOST_TOLD = 200;
const MOST_TOLD_LETTERS = 24 * 1024;
/** So many files are read back after the commit. */
const MOST_READ_BACK = 16;
const LOOKING = minutes(10);

/**
 * Fleet → host disk: a directory and all in it, which came as one archive into own storage, put in place with one effect.
 * Asked twice, as a single file is: first where its top may be, then for every path in it.
 */
export async function downloadTree(
  order: PutOrder,
  context: TaskContext,
): Promise<Verdict<ResultOf<'file.download'>>> {
  const { args } = order;
  const early = await withVolume(context, args, 'write', ({ fs, signal }) => topOf(order, fs, signal));
  if (!early.ok) return early;
  await context.claim(stagedNames(args.sha256).content, 'write');
  const content = await stage(context, args.size, args.sha256);
  if (!content.ok) return content;
  let done: Verdict<ResultOf<'file.download'>>;
  try {
    const entries = await indexArchive(content.value.data, args.size, context.signal);
    if (!entries.ok) {
      // It will not be another one the next time.
      await dropContent(context.services, order);
      return entries;
    }
    done = await withVolume(context, args, 'write', (access) =>
      putTree(order, context, access, entries.value, content.value),
    );
  } finally {
    await content.value.data.close();
  }
  if (done.ok && !done.value.dryRun) await dropContent(context.services, order);
  return done;
}

async function putTree(
  order: PutOrder,
  context: TaskContext,
  access: VolumeAccess,
  entries: readonly TreeEntry[],
  content: StagedFile,
): Promise<Verdict<ResultOf<'file.download'>>> {
  const { args, effect } = order;
  const planned = await planOn(order, context, access, entries, content);
  if (!planned.ok) return planned;
  const { plan, path } = planned.value;
  const share = await takeShare(order, context, plan.replaced.length);
  if (!share.ok) return share;
  const dryRun = args.dryRun === true;
  const { changes, more } = toldOf(plan.changes);
  const made = await commitChange(context, access, {
    edits: plan.edits,
    changes,
    dryRun,
    replay: args.replay === true,
    approved: effect,
    time: Math.min(Math.max(access.lastChange, plan.newest), 2 ** 32 - 1),
    facts: { ...volumeFacts(access), path, sha256: args.sha256, size: args.size, tree: true, ...plan.tree },
  });
  if (!made.ok) return made;
  const volume = { ...access.note, notes: [...access.note.notes, ...plan.notes] };
  const tree: TreeNote = { ...plan.tree, ...(more === 0 ? {} : { more }) };
  const result = { volume, path, effect: made.value, dryRun, tree };
  if (dryRun) return allow(result);
  const readBack = await readSomeBack(context, access, plan.edits);
  return allow(readBack === undefined ? result : { ...result, tree: { ...tree, readBack } });
}

/** Where the top of the tree is to be: in directories that are there or may be made, and itself one or nothing. */
async function topOf(order: PutOrder, fs: FileSystem, signal: AbortSignal): Promise<Verdict<RealPlace>> {
  const { args } = order;
  const path = parseHostPath(args.path);
  if (!path.ok) return path;
  // As for a file in it: the last name may be a link to a directory, too.
  const inside = await findRealPlace(fs, joinPath(path.value, 'x'), signal);
  if (!inside.ok) return inside;
  const top = parentPath(inside.value.path);
  const [...missing] = inside.value.missing;
  const isMissing = missing.at(-1) === top;
  if (isMissing) missing.pop();
  const [first] = missing;
  if (first !== undefined && args.parents !== true) {
    return refuse('NO_SUCH_FILE', `The directory ${first} does not exist.`, 'Say --parents to make it.');
  }
  const place = { path: top, missing, through: inside.value.through };
  if (isMissing) return allow(place);
  const stat = await fs.stat(top, false, signal);
  return stat.ok ? allow({ ...place, stat: stat.value }) : stat;
}

async function planOn(
  order: PutOrder,
  context: TaskContext,
  { fs, signal }: VolumeAccess,
  entries: readonly TreeEntry[],
  content: StagedFile,
): Promise<Verdict<{ readonly plan: TreePutPlan; readonly path: string }>> {
  const { services, grantedPaths } = context;
  const top = await topOf(order, fs, signal);
  if (!top.ok) return top;
  const protectedPaths = await guardedPaths(fs, services.protectedPaths, signal);
  const facts = { fs, top: top.value, archive: content.data, protectedPaths };
  const planned = await planTreePut(order.args, entries, facts, breather(services.clock), signal);
  if (!planned.ok) return planned;
  const plan = planned.value;
  const [privilege] = plan.privileges;
  if (privilege !== undefined && order.args.privileged !== true && order.args.dryRun !== true) {
    return refuse(
      'NEEDS_TOKEN',
      `The tree has ${privilege}, which give rights on the host.`,
      'Say --privileges, in an order with a token, by two people; or leave such attributes out.',
    );
  }
  const covers = grantedPaths?.();
  for (const path of covers === undefined ? [] : [...plan.made, ...plan.replaced]) {
    const covered = covers?.(path);
    if (covered?.ok === false) return covered;
  }
  const fit = await checkNewNames(fs.facts.type, plan.made);
  if (!fit.ok) return fit;
  const lost = await checkSystem(order, fs, plan.replaced, signal);
  if (!lost.ok) return lost;
  const made = await checkAllMade(order, fs, plan.made, signal);
  return made.ok ? allow({ plan, path: top.value.path }) : made;
}

function toldOf(changes: EffectNote['changes']): {
  readonly changes: EffectNote['changes'];
  readonly more: number;
} {
  const told: EffectNote['changes'] = [];
  let letters = 0;
  for (const change of changes) {
    letters += change.path.length;
    if (told.length >= MOST_TOLD || letters > MOST_TOLD_LETTERS) break;
    told.push(change);
  }
  return { changes: told, more: changes.length - told.length };
}

/** How many of the files were read back, and are as they were ordered; undefined where the disk was wanted meanwhile. */
async function readSomeBack(
  context: TaskContext,
  access: VolumeAccess,
  edits: readonly VolumeEdit[],
): Promise<number | undefined> {
  const files = edits.filter((edit) => edit.edit === 'put-file');
  const step = Math.max(1, Math.ceil(files.length / MOST_READ_BACK));
  const offset = (context.id[0] ?? 0) % step;
  let count = 0;
  for (let i = offset; i < files.length; i += step) {
    const file = files[i];
    if (file === undefined) break;
    const { path, content } = file;
    const written = { path, size: content.size, content: content.data };
    if ((await readBackFile(context.id, written, access)) === undefined) return undefined;
    count += 1;
  }
  return count;
}

/** The whole tree is there, or it is not: what was put is compared with the archive, which is still in own storage. */
export async function fateOfTree(
  facts: EffectFacts,
  services: TaskServices,
  signal: AbortSignal,
): Promise<EffectFate> {
  const { path, sha256, size } = facts;
  if (typeof path !== 'string' || typeof size !== 'number' || !(sha256 instanceof Uint8Array))
    return 'unknown';
  const { content } = stagedNames(sha256);
  if (!(await services.store.names(content)).includes(content)) return 'unknown';
  const archive = await services.store.stagedFile(content, size);
  try {
    const entries = await indexArchive(archive.data, size, signal);
    if (!entries.ok) return 'unknown';
    return await inspectVolume(services, facts, signal, async (fs) => {
      const what = await differsFromTree(fs, path, entries.value, archive.data, signal);
      return what === undefined ? 'done' : 'absent';
    });
  } finally {
    await archive.data.close();
  }
}

export async function resultOfTree(
  order: PutOrder,
  facts: EffectFacts,
  services: TaskServices,
  claim: ClaimToAnswer,
): Promise<ResultOf<'file.download'>> {
  const path = String(facts.path);
  if (await claim(stagedNames(order.args.sha256).content)) {
    if (await claim(DISKS)) await lookAfterRestart(path, facts, services);
    await dropContent(services, order);
  }
  const number = (name: string): number => (typeof facts[name] === 'number' ? facts[name] : 0);
  const tree: TreeNote = {
    files: number('files'),
    directories: number('directories'),
    symlinks: number('symlinks'),
    links: number('links'),
    replaced: number('replaced'),
    bytes: number('bytes'),
  };
  return { volume: recordedVolume(facts), path, effect: recordedEffect(facts, []), dryRun: false, tree };
}

/** What a run before this one committed and may not have read back. */
async function lookAfterRestart(path: string, facts: EffectFacts, services: TaskServices): Promise<void> {
  const looking = services.clock.deadline(LOOKING, 'reading a tree back');
  const fate = await fateOfTree(facts, services, looking.signal)
    .catch(() => 'unknown')
    .finally(() => looking.release());
  if (fate !== 'absent') return;
  const { differs } = await import('./read-back.ts');
  throw differs(path, 'it is not the tree that was ordered');
}
