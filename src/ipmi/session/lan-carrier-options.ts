import type { Duration } from '../../base/index.ts';
import type { Clock, Datagram, Entropy } from '../../ports/index.ts';
import type { CipherSuiteId } from '../wire/cipher-suite.ts';
import type { Patience } from './line.ts';
import type { Quirk } from './quirks.ts';
import type { Login } from './set-up.ts';

export interface LanCarrierOptions {
  /** A socket of its own for each session. */
  readonly openDatagram: () => Promise<Datagram>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly login: Omit<Login, 'suite'>;
  /** Tried in this order; the next one only where the BMC refuses the suite itself. */
  readonly suites: readonly CipherSuiteId[];
  /** Called with the suite of each session opened: once 17 has worked, nothing weaker is tried again. */
  readonly onSuite?: (suite: CipherSuiteId) => void;
  /** Called with each quirk that a session puts to use. */
  readonly onQuirk?: (quirk: Quirk) => void;
  /** For each question to the BMC, those of session set-up among them. */
  readonly patience: Patience;
  /** For a command as a whole, waiting for its turn and opening a session included. */
  readonly within?: Duration;
  /** Keeps a session open by asking for the device id when nothing else was asked for so long; without it a session that
   * was idle for longer than `idle` is opened anew at the next command. */
  readonly keepAlive?: Duration;
  /** A BMC forgets a session after about 60 s (IPMI 2.0, 6.12.15); less than that. */
  readonly idle: Duration;
}
