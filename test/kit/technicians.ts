import { technicianAdded } from '../../src/programs/agent/technicians.ts';
import { Keyring, type KeyringEntry } from '../../src/security/index.ts';
import type { AgentDesk } from './agent-desk.ts';
import type { MemoryLine } from './memory-line.ts';

export const PASSWORD = 'correct horse battery';

/** Adds a technician to the device; the entry that a keyring can have of the key. */
export async function addTechnicianTo(
  { state }: Pick<AgentDesk, 'state'>,
  name: string,
): Promise<KeyringEntry> {
  const config = { device: 'host1', tenant: 'acme', state, keyring: new Keyring([]) };
  const said = await technicianAdded(config, name, PASSWORD);
  return { name, role: 'technician', key: /ed25519:\S+/.exec(said)![0] };
}

/** Types what somebody types who logs in, until it does not come too soon any more. */
export async function logInAt(line: Pick<MemoryLine, 'type' | 'expect'>, name: string): Promise<void> {
  for (;;) {
    line.type(`login ${name}\r`);
    await line.expect(/password: $/);
    line.type(`${PASSWORD}\r`);
    const said = await line.expect(/Too soon[^>]*> $|Logged in as [\s\S]*> $/);
    if (said.includes('Logged in')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
