// A strategy in Node: leases quotes of one contract, counts them, leaves when told "leave" on stdin.
// Prints one JSON object a line: leased, quotes, left.
import { createInterface } from "node:readline";
import { connect } from "@nats-io/transport-node";

const [url, contract, quotesWanted] = process.argv.slice(2);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const nats = await connect({ servers: url, name: "node-strategy" });

async function ask(verb, payload) {
  const reply = (await nats.request(`ib.req.md.${verb}`, JSON.stringify(payload), { timeout: 10_000 })).json();
  if (!reply.ok) throw new Error(`md.${verb}: ${JSON.stringify(reply.error)}`);
  return reply.data;
}

const lease = await ask("subscribe", { contract, streams: ["quote"], ttl_s: 60 });
tell({ event: "leased", holders: lease.streams[0].holders, subject: lease.streams[0].subject });

let seen = 0;
nats.subscribe(lease.streams[0].subject, {
  callback: (error, message) => {
    if (error) throw error;
    seen += 1;
    if (seen === Number(quotesWanted)) tell({ event: "quotes", seen, last: message.json() });
  },
});

for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "leave") break;
}
const left = await ask("unsubscribe", { lease: lease.lease });
tell({ event: "left", cancelled: left.cancelled });
// An open stdin would keep the process alive.
process.stdin.destroy();
await nats.drain();
