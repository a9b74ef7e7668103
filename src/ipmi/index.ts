export { type Carrier, type Command, runCommand } from './command.ts';
export { IpmiCompletion } from './faults.ts';
export { LanCarrier, type LanCarrierOptions } from './session/lan-carrier.ts';
export type { Patience } from './session/line.ts';
export { userKey } from './session/rakp.ts';
export { LEVEL, type Level, type Login } from './session/set-up.ts';
export { CIPHER_SUITES, type CipherSuiteId } from './wire/cipher-suite.ts';
