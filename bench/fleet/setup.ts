/** What either fleet is told at its start. */
export interface FleetSetup {
  readonly url: string;
  readonly port: number;
  readonly tenant: string;
  readonly hosts: number;
  /** Public key of whoever asks: ours as text, the peer's as SPKI in base64. */
  readonly operator: string;
}

/** Names are h1, h2 and so on. */
export async function eachStarted<T>(
  { hosts }: FleetSetup,
  start: (name: string) => Promise<T>,
): Promise<T[]> {
  const started: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < hosts) {
      const index = next;
      next += 1;
      started[index] = await start(`h${index + 1}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return started;
}

/** In a child process: starts what the parent has named, and says when all of it is there. */
export async function serveFleet(start: (setup: FleetSetup) => Promise<object>): Promise<void> {
  if (process.send === undefined) return;
  const started = await start(JSON.parse(process.argv[2] ?? '') as FleetSetup);
  process.send({ ...started, rss: process.memoryUsage.rss() });
}
