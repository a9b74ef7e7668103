import { createHash } from 'node:crypto';
import { allow, equalBytes, hours, KiB, minutes, refuse, type Verdict } from '../../base/index.ts';
import type { OpenFile } from '../../ports/index.ts';
import type { Order, ResultOf } from '../../protocol/index.ts';
import { checkNewNames, parseHostPath } from '../../storage/index.ts';
import type { TaskServices } from '../services.ts';
import type { ClaimToAnswer, EffectFacts, EffectFate, TaskContext, TaskKind } from '../task.ts';
import type { PutPlan } from './plan-put.ts';
import { guardedPaths } from './protect.ts';
import { checkMade, checkSystem, takeShare } from './protect-system.ts';
import { differs, readBackFile } from './read-back.ts';
import { findRealPlace } from './real-path.ts';
import { dropContent, stage, stagedNames } from './staging.ts';
import {
  DISKS,
  inspectVolume,
  recordedVolume,
  type VolumeAccess,
  volumeFacts,
  WRITE_LEASE,
  withVolume,
} from './volume-access.ts';

/** Longest that a look after a restart may take. */
const LOOKING = minutes(10);

/**
 * Fleet → host disk. The file is staged on our own storage and verified before the disk is taken; then it is put in
 * place with one effect. Asked twice: before the transfer, so that a refusal costs nothing, and again before the effect.
 */
export const fileDownload: TaskKind<'file.download'> = {
  verb: 'file.download',
  pace: 'queued',
  pure: false,
  whileDisabled: false,
  deadline: hours(24),
  // The transfer looks after its own link.
  noProgress: WRITE_LEASE,
  async run(order, context): Promise<Verdict<ResultOf<'file.download'>>> {
    const { args, effect } = order;
    const fit = checkOrder(order, context);
    if (!fit.ok) return fit;
    if (args.tree === true) return (await import('./download-tree.ts')).downloadTree(order, context);
    const early = await withVolume(context, args, 'write', (access) => planOn(order, context, access));
    if (!early.ok) return early;
    await context.claim(stagedNames(args.sha256).content, 'write');
    const content = await stage(context, args.size, args.sha256);
    if (!content.ok) return content;
    let done: Verdict<ResultOf<'file.download'>>;
    try {
      done = await withVolume(context, args, 'write', async (access) => {
        const plan = await planOn(order, context, access);
        if (!plan.ok) return plan;
        const share = await takeShare(order, context, plan.value.replace ? 1 : 0);
        if (!share.ok) return share;
        const { path, attributes, changes } = plan.value;
        const dryRun = args.dryRun === true;
        const facts = {
          ...volumeFacts(access),
          path,
          sha256: args.sha256,
          size: args.size,
          mtime: attributes.mtime,
        };
        const made = await (await committing()).commitChange(context, access, {
          edits: (await planning()).editsOfPut(plan.value, content.value),
          changes,
          dryRun,
          replay: args.replay === true,
          approved: effect,
          // Never before what the filesystem says of itself, and never past what its superblock keeps.
          time: Math.min(Math.max(access.lastChange, attributes.mtime), 2 ** 32 - 1),
          facts,
        });
        if (!made.ok) return made;
        const volume = { ...access.note, notes: [...access.note.notes, ...plan.value.notes] };
        const result = { volume, path, effect: made.value, dryRun };
        if (dryRun) return allow(result);
        const written = { path, size: args.size, content: content.value.data };
        const readBack = await readBackFile(context.id, written, access);
        return allow(readBack === undefined ? result : { ...result, readBack });
      });
    } finally {
      await content.value.data.close();
    }
    // After a dry run the same content is about to be ordered again.
    if (done.ok && !done.value.dryRun) await dropContent(context.services, order);
    return done;
  },
  async prepare(order, context): Promise<Verdict<void>> {
    const { args } = order;
    const fit = checkOrder(order, context);
    if (!fit.ok) return fit;
    const path = parseHostPath(args.path);
    if (!path.ok) return path;
    const release = await context.claim(stagedNames(args.sha256).content, 'write');
    const content = await stage(context, args.size, args.sha256);
    if (content.ok) await content.value.data.close();
    release();
    return content.ok ? allow(undefined) : content;
  },
  fateOf: DISKS,
  async fate(facts, services, signal) {
    if (facts.tree !== true) return fateOfPut(facts, services, signal);
    return (await import('./download-tree.ts')).fateOfTree(facts, services, signal);
  },
  async resultOf(order, facts, services, claim) {
    if (facts.tree !== true) return resultOfPut(order, facts, services, claim);
    return (await import('./download-tree.ts')).resultOfTree(order, facts, services, claim);
  },
};

/** What the order and this device tell before anybody looks at a disk. */
function checkOrder(
  { id, args, effect }: Order<'file.download'>,
  { services }: Pick<TaskContext, 'services'>,
): Verdict<void> {
  const here = services.staged?.fetched(id) === true;
  if (!here && services.byNeighbour?.(id) === true) return refuse('FILES_NEED_NETWORK');
  if (args.size > services.limits.stagedFile) {
    return refuse(
      'FILE_TOO_LARGE',
      `The file has ${args.size} bytes; this device stages ${services.limits.stagedFile} at most.`,
    );
  }
  if (effect !== undefined && args.mtime === undefined && args.tree !== true) {
    return refuse(
      'EFFECT_DIFFERS',
      'The order gives the file no time, so that its effect is another one each second.',
      'Give the same --mtime with --dry-run and with --approve.',
    );
  }
  return allow(undefined);
}

/** What a put becomes is loaded by the first one. */
const planning = () => import('./plan-put.ts');
const committing = () => import('./commit-change.ts');

async function planOn(
  order: Order<'file.download'>,
  { services }: TaskContext,
  { fs, signal }: VolumeAccess,
): Promise<Verdict<PutPlan>> {
  const { args } = order;
  const path = parseHostPath(args.path);
  if (!path.ok) return path;
  const place = await findRealPlace(fs, path.value, signal);
  if (!place.ok) return place;
  const { planPut, surroundingsOf } = await planning();
  const around = await surroundingsOf(fs, place.value, signal);
  if (!around.ok) return around;
  const plan = planPut(args, {
    place: place.value,
    volume: fs.facts,
    around: around.value,
    protectedPaths: await guardedPaths(fs, services.protectedPaths, signal),
    now: services.clock.wallSeconds(),
  });
  if (!plan.ok) return plan;
  const { directories, replace } = plan.value;
  const fit = await checkNewNames(fs.facts.type, replace ? directories : [...directories, plan.value.path]);
  if (!fit.ok) return fit;
  const system = replace
    ? await checkSystem(order, fs, [plan.value.path], signal)
    : await checkMade(order, fs, plan.value.path, signal);
  return system.ok ? plan : system;
}

/** The file is there with the ordered content and time, or it is not. */
async function fateOfPut(
  facts: EffectFacts,
  services: TaskServices,
  signal: AbortSignal,
): Promise<EffectFate> {
  const { path, sha256, size, mtime } = facts;
  if (typeof path !== 'string' || !(sha256 instanceof Uint8Array)) return 'unknown';
  return inspectVolume(services, facts, signal, async (fs) => {
    const opened = await fs.open(path, signal);
    if (!opened.ok) return 'absent';
    if (opened.value.stat.size !== size || opened.value.stat.mtime !== mtime) return 'absent';
    return equalBytes(await hashOf(opened.value, signal), sha256) ? 'done' : 'absent';
  });
}

async function hashOf(file: OpenFile, signal: AbortSignal): Promise<Uint8Array> {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(1024 * KiB);
  for (let at = 0; ; ) {
    const count = await file.read(at, chunk, signal);
    if (count === 0) return new Uint8Array(hash.digest());
    hash.update(chunk.subarray(0, count));
    at += count;
  }
}

async function resultOfPut(
  order: Order<'file.download'>,
  facts: EffectFacts,
  services: TaskServices,
  claim: ClaimToAnswer,
): Promise<ResultOf<'file.download'>> {
  const path = String(facts.path);
  if (await claim(stagedNames(order.args.sha256).content)) {
    await lookAfterRestart(order, facts, services, claim);
    await dropContent(services, order);
  }
  const { recordedEffect } = await committing();
  return { volume: recordedVolume(facts), path, effect: recordedEffect(facts, []), dryRun: false };
}

/** What a run before this one committed and may not have read back: then its content is still in our own storage. */
async function lookAfterRestart(
  { args }: Order<'file.download'>,
  facts: EffectFacts,
  services: TaskServices,
  claim: ClaimToAnswer,
): Promise<void> {
  const { content } = stagedNames(args.sha256);
  if (!(await services.store.names(content)).includes(content)) return;
  if (!(await claim(DISKS))) return;
  const looking = services.clock.deadline(LOOKING, 'reading a file back');
  const fate = await fateOfPut(facts, services, looking.signal)
    .catch(() => 'unknown')
    .finally(() => looking.release());
  if (fate === 'absent') throw differs(String(facts.path), 'it is not the file that was ordered');
}
