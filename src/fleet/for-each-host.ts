/** So many hosts are worked on at once. */
export const HOSTS_AT_ONCE = 32;

/** Works on many hosts, no more than `window` at a time, and gives the answers in the order of the hosts. */
export async function forEachHost<T>(
  hosts: readonly string[],
  work: (host: string) => Promise<T>,
  window: number = HOSTS_AT_ONCE,
): Promise<T[]> {
  const answers: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < hosts.length) {
      const index = next;
      next += 1;
      answers[index] = await work(hosts[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(window, hosts.length) }, lane));
  return answers;
}
