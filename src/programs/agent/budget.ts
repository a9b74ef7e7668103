import { asNsError, hours, milliseconds, minutes, type NsError } from '../../base/index.ts';
import type { LogSink } from '../../ports/index.ts';
import { Budget, type BudgetEvent, type BudgetLimits, type KeyringView } from '../../security/index.ts';
import type { AgentConfig } from './config.ts';
import type { Machine } from './machine.ts';

const DEFAULTS: NonNullable<AgentConfig['budget']> = { lock: 10, wipe: 10, plain: 256, raiseDelayHours: 24 };
/** So much running time is lost at most when the power goes: a raise waits longer then, never shorter. */
const TICK = minutes(1);

export interface DeviceBudget {
  readonly budget: Budget;
  readonly close: () => Promise<void>;
}

interface Entry {
  readonly level: 'info' | 'warn' | 'error';
  readonly event: string;
  readonly detail: string;
}

const limitsText = ({ lock, wipe }: BudgetLimits) => `lock ${lock}, wipe ${wipe}`;

function entryOf(event: BudgetEvent): Entry {
  switch (event.is) {
    case 'damaged':
      return {
        level: 'error',
        event: 'budget.damaged',
        detail:
          'neither stored copy is whole; no destructive order is obeyed before two people give a budget',
      };
    case 'spent': {
      const { epoch, for: kind, n } = event.token;
      const detail = `${kind} ${n} of epoch ${epoch} by order ${event.order.slice(0, 8)}`;
      return { level: 'info', event: 'budget.spent', detail };
    }
    case 'forked': {
      const { epoch, for: kind, n, devices } = event.fork;
      const detail = `${kind} ${n} of epoch ${epoch} was signed for ${devices.join(' and for ')}`;
      return { level: 'error', event: 'budget.forked', detail };
    }
    case 'pending':
    case 'changed': {
      const detail = `version ${event.version}: ${limitsText(event.limits)}`;
      return { level: 'info', event: `budget.${event.is}`, detail };
    }
  }
}

/** The budget for destructive orders, with the running time that a raise waits for, and what the logs are to say of it. */
export async function openDeviceBudget(
  { tenant, device, budget: config = DEFAULTS }: Pick<AgentConfig, 'tenant' | 'device' | 'budget'>,
  { store, clock, audit }: Pick<Machine, 'store' | 'clock' | 'audit'>,
  keyring: KeyringView,
  log: LogSink,
  onFatal: (error: NsError) => void,
): Promise<DeviceBudget> {
  const onEvent = (told: BudgetEvent) => {
    const { level, event, detail } = entryOf(told);
    log.log(level, event, { detail });
    audit.append({ at: clock.wallSeconds(), event, detail }).catch((error: unknown) => {
      log.log('error', 'audit-failed', { error: asNsError(error).message });
    });
  };
  const { lock, wipe, plain, raiseDelayHours } = config;
  const budget = await Budget.open({
    store,
    tenant,
    device,
    keyring,
    initial: { lock, wipe },
    raiseDelay: hours(raiseDelayHours),
    plain,
    onEvent,
  });
  let counted = clock.monotonic();
  const count = async () => {
    const now = clock.monotonic();
    const passed = milliseconds(now - counted);
    counted = now;
    await budget.pass(passed);
  };
  const stop = clock.every(TICK, () => {
    count().catch((error: unknown) => onFatal(asNsError(error)));
  });
  return {
    budget,
    close: async () => {
      stop();
      await count();
      await budget.close();
    },
  };
}
