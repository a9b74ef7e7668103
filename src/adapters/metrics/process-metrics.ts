import type { Registry } from './registry.ts';

/** What every program of ours says of itself, by the names that Prometheus' own clients use. */
export function addProcessMetrics(
  registry: Registry,
  build: Readonly<Record<'program' | 'version', string>>,
): void {
  registry
    .gauge('nightshift_build_info', 'What runs here; always 1.', ['program', 'version', 'node'])
    .set(1, { ...build, node: process.versions.node });
  const cpu = registry.counter('process_cpu_seconds_total', 'User and system time spent.');
  const rss = registry.gauge('process_resident_memory_bytes', 'Memory that is resident.');
  const heap = registry.gauge('nodejs_heap_size_used_bytes', 'Memory that the heap uses.');
  const up = registry.gauge(
    'nightshift_process_uptime_seconds',
    'Since the start of the process, by no wall clock.',
  );
  registry.onScrape(() => {
    const { user, system } = process.cpuUsage();
    cpu.setTo((user + system) / 1e6);
    const memory = process.memoryUsage();
    rss.set(memory.rss);
    heap.set(memory.heapUsed);
    up.set(Math.floor(process.uptime()));
  });
}
