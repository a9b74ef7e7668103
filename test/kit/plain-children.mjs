import processOnSpawn from 'process-on-spawn';

/**
 * What a test starts, it starts as its users do: the test runner would put a loader of its own into every Node process
 * below a test, which doubles the time of its start, and would be part of what is tried.
 */
processOnSpawn.removeAllListeners();
delete process.env.NODE_OPTIONS;
