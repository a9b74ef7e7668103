import { useEffect, useRef, useState } from 'preact/hooks';
import type { HostTasks, SensorLine } from '../src/web/host-wire.ts';
import { followHost } from './live-host.ts';
import { NO_READINGS, type SensorHistory, withReading } from './sensor-history.ts';
import { Sensors } from './sensors.tsx';
import { TaskTable } from './task-table.tsx';

/** What comes by itself while a host is looked at: its tasks as they go, and its sensors once they are asked for. */
export function HostLive({ host }: { readonly host: string }) {
  const [tasks, setTasks] = useState<HostTasks>();
  const [history, setHistory] = useState<SensorHistory>(NO_READINGS);
  const [known, setKnown] = useState<readonly SensorLine[]>([]);
  const [on, setOn] = useState(false);
  const [fault, setFault] = useState('');
  const following = useRef<ReturnType<typeof followHost> | undefined>(undefined);
  useEffect(() => {
    const followed = followHost(
      host,
      (kind, news) => {
        if (kind === 'tasks') setTasks(news as HostTasks);
        else {
          const reading = news as Parameters<typeof withReading>[1];
          setHistory((before) => withReading(before, reading));
          if (reading.says === '') setKnown(reading.sensors);
        }
      },
      setFault,
    );
    following.current = followed;
    return followed.leave;
  }, [host]);
  const turn = (to: boolean): void => {
    setOn(to);
    setFault('');
    if (to) setHistory((before) => ({ ...before, latest: undefined }));
    following.current?.sensors(to);
  };
  return (
    <>
      {fault !== '' && (
        <p class="bad" role="alert">
          {fault}
        </p>
      )}
      <TaskTable tasks={tasks} />
      <Sensors history={history} known={known} on={on} turn={turn} />
    </>
  );
}
