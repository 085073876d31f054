// Buys AAPL once when its price rises through its moving average. May be killed and started again at any time.
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { setTimeout as sleep } from "node:timers/promises";

type Reply<T> = { ok: true; data: T } | { ok: false; error: { code: string; message: string } };
type Quote = { stale: boolean; bid?: number; ask?: number };
type Fill = { quantity: string; price: number; cumulative_quantity: string };

const NAME = "typescript-strategy";
const STEPS = 200;
// One key a day: whoever asks for this order again today learns what became of the first one, and buys nothing more.
const KEY = `${NAME}-${new Date().toISOString().slice(0, 10)}`;
const ORDER = { key: KEY, contract: "STK:AAPL", side: "buy", quantity: 10, order_type: "market" };
const NOT_NOW = ["not_ready", "busy", "timeout", "pacing_limited", "outcome_unknown"];
const nc = await connect({ servers: process.env.NATS_URL, name: NAME, maxReconnectAttempts: -1 });

async function ask<T>(verb: string, payload: object): Promise<T> {
  for (;;) {
    const request = nc.request(`ib.req.${verb}.${NAME}`, JSON.stringify(payload), { timeout: 5_000 });
    const reply = await request.then((answer) => answer.json<Reply<T>>(), () => undefined); // Bridge or NATS are away.
    if (reply?.ok) return reply.data;
    if (reply && !NOT_NOW.includes(reply.error.code)) throw new Error(reply.error.message);
    await sleep(1_000);
  }
}

async function keepLease(): Promise<never> {
  for (;;) {
    const wanted = { contract: "STK:AAPL", streams: ["quote"], ttl_s: 15 };
    const { lease } = await ask<{ lease: string }>("md.subscribe", wanted);
    console.log("leased AAPL");
    let known = true; // Until the bridge is restarted.
    while (known) {
      await sleep(5_000);
      known = await ask("md.renew", { lease }).then(() => true, () => false);
    }
  }
}

void keepLease();
let [average, seen, wasAbove] = [0, 0, true];
for await (const message of nc.subscribe("ib.quote.STK.AAPL.SMART.USD")) {
  const { stale, bid, ask: offer } = message.json<Quote>();
  if (stale || bid === undefined || offer === undefined) continue;
  const price = (bid + offer) / 2;
  average += (price - average) / Math.min(++seen, STEPS);
  if (price > average && !wasAbove && seen > STEPS) break;
  wasAbove = price > average;
}
console.log("order", (await ask<{ state: string }>("order.place", ORDER)).state);
const fills = await jetstream(nc).consumers.get("IB_ORDERS", { filter_subjects: `ib.fill.*.${KEY}` });
for await (const message of await fills.consume()) {
  const fill = message.json<Fill>();
  console.log("fill of", fill.quantity, "at", fill.price);
  if (Number(fill.cumulative_quantity) >= ORDER.quantity) break;
}
await nc.close();
process.exit();
