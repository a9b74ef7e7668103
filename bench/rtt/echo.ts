import { plainClient } from './plain-client.ts';

/** The echoing end, in a process of its own: what comes on NAME/ask goes back on NAME/answer. */
if (process.send !== undefined) {
  const port = Number(process.argv[2]);
  for (const name of ['nodelay', 'stock']) {
    const client = await plainClient(port, `echo-${name}`, name === 'nodelay');
    await client.subscribeAsync(`${name}/ask`, { qos: 1 });
    client.on('message', (_topic, payload) => {
      client.publish(`${name}/answer`, payload, { qos: 1 });
    });
  }
  process.send('ready');
}
