import { hours, minutes, refuse, seconds, type Verdict } from '../../base/index.ts';
import type { IoDevices } from '../../ports/index.ts';
import type { TaskServices } from '../services.ts';
import type { TaskKind } from '../task.ts';
import { ioList, ioRead, ioWrite } from './channels.ts';
import { ioWatch } from './watch.ts';

const quick = {
  pace: 'queued',
  pure: false,
  whileDisabled: true,
  deadline: minutes(1),
  noProgress: seconds(30),
} as const;

async function withIo<T>(
  { io }: TaskServices,
  use: (io: IoDevices) => Promise<Verdict<T>>,
): Promise<Verdict<T>> {
  return io === undefined ? refuse('NOT_SUPPORTED', 'This board enrols no channels.') : use(io);
}

export const ioListTask: TaskKind<'io.list'> = {
  ...quick,
  verb: 'io.list',
  run: (_order, { services }) => withIo(services, (io) => Promise.resolve({ ok: true, value: ioList(io) })),
};

export const ioReadTask: TaskKind<'io.read'> = {
  ...quick,
  verb: 'io.read',
  run: ({ args }, { services, signal }) =>
    withIo(services, (io) => ioRead(io, args, signal, services.contents)),
};

/** An output that was being written when the power went is in a state that nobody knows: the answer is `unknown`. */
export const ioWriteTask: TaskKind<'io.write'> = {
  ...quick,
  verb: 'io.write',
  whileDisabled: false,
  async run({ args }, context) {
    const { services, signal } = context;
    return withIo(services, async (io) => {
      await context.claim(`channel ${args.channel}`, 'write');
      const act = () => ioWrite(io, args, signal);
      return args.dryRun === true ? act() : context.effect({ channel: args.channel }, act);
    });
  },
  // What the output held before and after went with the run that wrote it.
  resultOf: ({ args }, _facts, { io }) =>
    Promise.resolve({
      channel: args.channel,
      unit: io?.channels().find(({ name }) => name === args.channel)?.unit ?? '',
      dryRun: false,
    }),
};

export const ioWatchTask: TaskKind<'io.watch'> = {
  ...quick,
  verb: 'io.watch',
  deadline: hours(2),
  noProgress: hours(2),
  run: ({ args }, context) =>
    withIo(context.services, (io) =>
      ioWatch({
        io,
        clock: context.services.clock,
        args,
        signal: context.signal,
        onSample: (number, value) => context.sample('watching', number, value),
      }),
    ),
};
