// One event per append through emmett's PostgreSQL event store, each client on streams of its own.
// Usage: node append.mjs URL CLIENTS SECONDS TEXT; prints one line of JSON.
import { randomUUID } from 'node:crypto';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import pg from 'pg';

const [url, clients, seconds, text] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: Number(clients) });
const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } });
await store.schema.migrate();

const latencies = [];
let counting = false;
let stop = false;

const client = async () => {
  const streams = Array.from({ length: 4 }, () => ({ name: `till-${randomUUID()}`, version: 0n }));
  while (!stop) {
    for (const stream of streams) {
      const began = performance.now();
      const event = { type: 'TakenIn', data: { amount: 1, balance: 1, text } };
      const result = await store.appendToStream(stream.name, [event], {
        expectedStreamVersion: stream.version === 0n ? 'STREAM_DOES_NOT_EXIST' : stream.version,
      });
      stream.version = result.nextExpectedStreamVersion;
      if (counting) latencies.push(performance.now() - began);
    }
  }
};

const running = Array.from({ length: Number(clients) }, client);
await new Promise((resolve) => setTimeout(resolve, Math.min(1000, seconds * 250)));
counting = true;
const began = performance.now();
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
counting = false;
const took = (performance.now() - began) / 1000;
stop = true;
await Promise.all(running);
await store.close();
await pool.end();
latencies.sort((one, two) => one - two);
console.log(JSON.stringify({ rate: latencies.length / took, latencies_ms: latencies }));
