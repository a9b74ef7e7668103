import t from 'tap';
import { minutes, seconds } from '../../../../src/base/index.ts';
import { whenQuiet } from '../../../../src/programs/agent/firmware-restart.ts';
import type { TaskEvent } from '../../../../src/tasks/index.ts';
import { TaskTable } from '../../../../src/tasks/index.ts';
import { LeapingClock } from '../../../kit/leaping-clock.ts';

const order = new Uint8Array(16).fill(7);
const other = new Uint8Array(16).fill(8);
const row = { id: other, verb: 'file.upload', issuer: new Uint8Array(8), state: 'running' } as const;

/** A device whose update has been written, with a task beside it. */
function device() {
  const clock = new LeapingClock();
  let hear: (event: TaskEvent) => void = () => {};
  let heard = true;
  let untold = [{ id: order, packet: new Uint8Array() }];
  const tasks = new TaskTable();
  tasks.add({ ...row }, () => {});
  const stop = new AbortController();
  const desk = {
    onEvent: (listener: (event: TaskEvent) => void) => {
      hear = listener;
      return () => {
        heard = false;
      };
    },
    untold: () => untold,
  };
  let restarts = false;
  const quiet = whenQuiet(order, { desk, tasks, clock, log: { log: () => {} } }, stop.signal).then(() => {
    restarts = true;
  });
  const pass = async (time: ReturnType<typeof seconds>): Promise<void> => {
    for (let n = 0; n < 5; n += 1) {
      clock.leap(n === 0 ? time : seconds(1));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return {
    pass,
    quiet,
    stop,
    tasks,
    restarts: () => restarts,
    listens: () => heard,
    receipt: (id: Uint8Array) => hear({ kind: 'receipt', id, packet: new Uint8Array() }),
    told: () => {
      untold = [];
    },
  };
}

await t.test('it restarts after its own receipt, when the broker has that and no task runs', async (t) => {
  const { pass, quiet, tasks, restarts, receipt, told, listens } = device();
  receipt(other);
  await pass(seconds(60));
  t.notOk(restarts(), "another order's receipt is none of its business");
  receipt(order);
  told();
  await pass(seconds(30));
  t.notOk(restarts(), 'a task runs');
  tasks.remove(other);
  await pass(seconds(2));
  await quiet;
  t.ok(restarts());
  t.notOk(listens());
});

await t.test('no broker and no task holds it up for ever', async (t) => {
  const { pass, quiet, restarts, receipt } = device();
  receipt(order);
  await pass(seconds(10));
  t.notOk(restarts());
  await pass(seconds(20));
  await pass(minutes(11));
  await quiet;
  t.ok(restarts());
});

await t.test('a device that is stopped does not restart', async (t) => {
  const { quiet, stop } = device();
  stop.abort(new Error('stopped'));
  await t.rejects(quiet, /stopped/);
});
