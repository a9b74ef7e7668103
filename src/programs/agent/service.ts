import { openServiceManager, type ServiceEnvironment } from '../../adapters/linux/service-manager.ts';
import { sentenceOf } from '../../base/index.ts';
import type { Clock, LogSink } from '../../ports/index.ts';
import { keepPetted, type LifeSigns } from './watchdog.ts';

/**
 * Tells the service manager that the device has started, and from then on that it works, by the same signs as a board's
 * watchdog. The result says that it ends.
 */
export async function reportToServiceManager(
  environment: ServiceEnvironment,
  signs: LifeSigns,
  clock: Clock,
  log: LogSink,
): Promise<(() => Promise<void>) | undefined> {
  const manager = await openServiceManager(environment, log);
  if (manager === undefined) return undefined;
  const told = (error: unknown): void =>
    log.log('error', 'service.manager-not-told', { error: sentenceOf(error) });
  const { watchdog } = manager;
  await manager.ready().catch(told);
  const unpet = watchdog && keepPetted(watchdog, signs, clock, log);
  return async () => {
    unpet?.();
    await watchdog?.close().catch(told);
    await manager.close();
  };
}
