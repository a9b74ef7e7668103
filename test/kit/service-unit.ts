import { closeSync, openSync, readFileSync } from 'node:fs';
import { run } from './disk-tools.ts';

/** The values of each key of a systemd unit's service section, in their order. */
export function readServiceUnit(path: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let section = '';
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    section = /^\[(.+)\]$/.exec(line)?.[1] ?? section;
    if (section === 'Service' && name !== undefined)
      found.set(name, [...(found.get(name) ?? []), value ?? '']);
  }
  return found;
}

const ALLOW = 0x7fff0000;
const REFUSE_EPERM = 0x00050001;

/**
 * Writes the filter of system calls that systemd would put a service under, as seccomp(2) takes it: what is on the unit's
 * lists is done, all else is refused with EPERM. Says how many calls are allowed.
 */
export async function writeCallFilter(lists: readonly string[], to: string): Promise<number> {
  const allowed = new Set(await callsOf('@default'));
  for (const list of lists) {
    const taken = list.startsWith('~');
    for (const name of list.replace('~', '').split(/\s+/))
      for (const call of await callsOf(name)) {
        if (taken) allowed.delete(call);
        else allowed.add(call);
      }
  }
  const { default: koffi } = await import('koffi');
  const library = koffi.load('libseccomp.so.2');
  const init = library.func('void *seccomp_init(uint32_t action)');
  const resolve = library.func('int seccomp_syscall_resolve_name(const char *name)');
  const add = library.func('int seccomp_rule_add_array(void *, uint32_t, int, unsigned int, void *)');
  const write = library.func('int seccomp_export_bpf(void *filter, int fd)');
  const filter = init(REFUSE_EPERM);
  let known = 0;
  for (const name of allowed) {
    // A call of another processor is below zero.
    const call = Number(resolve(name));
    if (call >= 0 && Number(add(filter, ALLOW, call, 0, null)) === 0) known += 1;
  }
  const fd = openSync(to, 'w');
  const failed = Number(write(filter, fd));
  closeSync(fd);
  if (failed !== 0) throw new Error(`seccomp_export_bpf: ${failed}`);
  return known;
}

const groups = new Map<string, readonly string[]>();

/** The calls of a group, "@…", and of the groups in it. */
async function callsOf(name: string): Promise<readonly string[]> {
  if (!name.startsWith('@')) return [name];
  const known = groups.get(name);
  if (known !== undefined) return known;
  const stdout = await run('systemd-analyze', ['syscall-filter', name]);
  const names = stdout
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const calls = (await Promise.all(names.map(callsOf))).flat();
  groups.set(name, calls);
  return calls;
}
