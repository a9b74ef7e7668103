import type { HostTasks, TaskLine } from '../src/web/host-wire.ts';
import { momentText } from './words.ts';

const STATES: Readonly<Record<TaskLine['state'], readonly [mark: string, tone: string]>> = {
  queued: ['… waits its turn', 'soft'],
  running: ['▶ running', ''],
  staged: ['… staged', 'soft'],
  succeeded: ['✓ succeeded', 'good'],
  refused: ['✕ refused', 'warn'],
  failed: ['✕ FAILED', 'bad'],
  cancelled: ['■ cancelled', 'warn'],
  expired: ['■ expired', 'warn'],
  unknown: ['? NOT KNOWN what it did', 'bad'],
};

function amount(done: number, unit: string): string {
  if (unit !== 'bytes' && unit !== 'B') return `${done}${unit === '' ? '' : ` ${unit}`}`;
  if (done < 10_240) return `${done} B`;
  return done < 10_485_760 ? `${Math.round(done / 1024)} KiB` : `${Math.round(done / 1_048_576)} MiB`;
}

function Progress({ task }: { readonly task: TaskLine }) {
  const { done, total, unit, stage, state } = task;
  if (state !== 'running') return null;
  if (done === undefined) return <>{stage}</>;
  const text = `${stage} ${amount(done, unit)}${total === undefined ? '' : ` of ${amount(total, unit)}`}`;
  return (
    <>
      {total !== undefined && total > 0 && (
        <>
          <progress max={total} value={Math.min(done, total)} aria-label={`task ${task.id.slice(0, 8)}`} />{' '}
          {Math.floor((100 * Math.min(done, total)) / total)} %{' '}
        </>
      )}
      {text}
    </>
  );
}

const COLUMNS = ['task', 'verb', 'state', 'progress', 'by', 'took', 'last heard', 'why'];

/** What the host's device is at work on, live, and what ended while this page was looked at. */
export function TaskTable({ tasks }: { readonly tasks: HostTasks | undefined }) {
  return (
    <section aria-labelledby="title-tasks">
      <h2 id="title-tasks">Tasks</h2>
      <p role="status" class="soft">
        {tasks === undefined
          ? 'asking…'
          : `${tasks.tasks.filter(({ tookMs }) => tookMs === undefined).length} under way, live`}
        {tasks?.says !== undefined && tasks.says !== '' && (
          <span class="bad"> not all is known: {tasks.says}</span>
        )}
      </p>
      {tasks !== undefined && tasks.tasks.length > 0 && (
        <section class="wide" tabIndex={0} aria-label="Tasks, as a table">
          <table>
            <thead>
              <tr>
                {COLUMNS.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {tasks.tasks.map((task) => {
                const [mark, tone] = STATES[task.state];
                return (
                  <tr key={task.id}>
                    <th scope="row">{task.id.slice(0, 8)}</th>
                    <td>{task.verb === '' ? '?' : task.verb}</td>
                    <td class={tone}>{mark}</td>
                    <td>
                      <Progress task={task} />
                    </td>
                    <td>{task.by}</td>
                    <td>{task.tookMs === undefined ? '' : `${task.tookMs} ms`}</td>
                    <td>{momentText(task.at)}</td>
                    <td>{task.why}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}
