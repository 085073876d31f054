// Puts the parts of the page together.

import * as account from './account.js';
import { alertOf } from './alerts.js';
import { ask, listen } from './bridge.js';
import { chartOf, chartQuote, startCandles } from './candles.js';
import * as connection from './connection.js';
import { byId, say } from './dom.js';
import { zone } from './format.js';
import { loadHalted, startHalt } from './halt.js';
import * as market from './market.js';
import * as orders from './orders.js';
import { setHolders, setPace } from './pacing.js';
import { startScroll } from './scroll.js';
import { startTheme } from './theme.js';

const POLL_MS = 2000;

let isReachable = false;

function standing() {
  const pill = byId('standing');
  const [klass, text] = !isReachable ? ['is-bad', 'bridge unreachable'] : connection.isReady() ? ['is-good', 'ready'] : ['is-warn', 'not ready'];
  pill.className = `pill ${klass}`;
  say(pill, text);
}

const handlers = {
  quote: (event) => { market.setQuote(event); chartQuote(event); },
  order: orders.setOrder,
  fill: orders.setFill,
  position: account.setPosition,
  position_pnl: account.setPositionPnl,
  pnl: account.setPnl,
  account: account.setValue,
  connection: (event) => { connection.setConnection(event); standing(); },
  farm: connection.setFarm,
  bridge: (event) => { if (event.event === 'kill' || event.event === 'resume') loadHalted().catch(() => {}); },
};

function take(kind, event) {
  handlers[kind]?.(event);
  alertOf(kind, event);
}

/** What changes without events. A request that fails now is made again at the next turn. */
async function poll() {
  if (!document.hidden && isReachable) {
    const [pace, list] = await Promise.allSettled([ask('pace.status'), ask('md.list')]);
    if (pace.value) setPace(pace.value);
    if (list.value) {
      setHolders(list.value);
      await market.setLeases(list.value);
    }
  }
  connection.tickConnection();
  standing();
  setTimeout(poll, POLL_MS);
}

async function fresh({ version, past }) {
  isReachable = true;
  if (version) say(byId('version'), version);
  for (const [kind, event] of past) take(kind, event);
  const pool = ask('pool.status').then(({ connection: now, farms }) => {
    connection.setConnection(now);
    connection.forgetFarms();
    farms.forEach(connection.setFarm);
  });
  await Promise.allSettled([pool, orders.loadOrders(), account.loadAccount(), loadHalted()]);
  standing();
}

startTheme();
startCandles();
startHalt();
startScroll();
for (const place of document.querySelectorAll('.zone')) say(place, zone());
market.whenChosen(chartOf);
// Shows the token dialog before anything else, if one is needed.
ask('bridge.info').catch(() => {}).finally(() => {
  listen({ fresh, event: take, reachable: (yes) => { isReachable = yes; standing(); } });
  poll();
});
