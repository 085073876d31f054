// What parts of the console make of events, without a browser. Prints it as JSON.
//
// node console_parts.mjs <folder of the console's files>

const [folder] = process.argv.slice(2);
const load = (name) => import(`file://${folder}/${name}`);
const [account, alerts, format, orders] = await Promise.all(['account.js', 'alerts.js', 'format.js', 'orders.js'].map(load));

const bridge = ['started', 'needs_person', 'mismatch', 'duplicate_order', 'gateway_command_failed', 'dead_man', 'kill', 'watchdog_hard', 'watchdog_data_link', 'reloaded', 'maintenance'];
const weights = Object.fromEntries(bridge.map((event) => [event, alerts.judged('bridge', { event })[0]]));
const heartbeat = alerts.judged('bridge', { event: 'heartbeat' }) ?? null;

const sums = account.totals([
  { account: 'DU1', currency: 'USD', value: 100 },
  { account: 'DU2', currency: 'EUR', value: 7 },
  { account: 'DU3', currency: 'USD', value: 20 },
  { account: 'DU4', value: 5 },
  { account: 'DU5', currency: 'USD' },
]);

const times = [
  { placed_us: 1, changed_us: 3, recv_us: 9 },
  { recv_us: 9 },
  { placed_us: 1 },
  {},
].map((order) => orders.changedAt(order) ?? null);

const prices = [format.price(1.06315), format.price(198.3), format.price(198.3, 0.25), format.price(1.06315, 0.00005)];

console.log(JSON.stringify({ weights, heartbeat, sums, times, prices }));
