export { type CounterMemory, Journal, type JournaledOrder } from './journal.ts';
export type { DoneRecord, IntentRecord, JournalRecord, ReceivedRecord } from './record.ts';
