import { writeSync } from 'node:fs';

/** Loaded before a program that is measured: tells on descriptor 3 what it took. */
process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  writeSync(3, JSON.stringify({ rssMiB: maxRSS / 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 }));
});
