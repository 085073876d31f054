// Orders and fills, newest first.

import { ask } from './bridge.js';
import { byId, make, onNextFrame, say, showEmpty } from './dom.js';
import { money, nameOf, price, size, time, words } from './format.js';
import { instrumentOf } from './market.js';

const SHOWN = 200;
const FINAL = new Set(['filled', 'rejected', 'cancelled']);
const KLASS = { filled: 'is-good', working: 'is-good', partially_filled: 'is-good', rejected: 'is-bad', outcome_unknown: 'is-bad', cancel_pending: 'is-warn', inactive: 'is-warn' };

const orders = new Map();
const fills = new Map();

function keep(map, key, value) {
  map.delete(key);
  map.set(key, value);
  if (map.size > 2000) map.delete(map.keys().next().value);
}

export function setOrder(order) {
  keep(orders, `${order.account} ${order.key}`, order);
  draw();
}

/** When the order last changed, else when it was placed. */
export const changedAt = (order) => order.changed_us ?? order.recv_us ?? order.placed_us;

/** A listed order carries the time of the answer; that of its last change, if it tells none, is known from the event. */
function setListed(order) {
  const known = orders.get(`${order.account} ${order.key}`);
  setOrder({ ...order, recv_us: known?.revision === order.revision && known.state === order.state ? known.recv_us : undefined });
}

export function setFill(fill) {
  // The last part of an execution id counts corrections of the same fill.
  keep(fills, fill.exec_id.replace(/\.\d+$/, ''), fill);
  draw();
}

const side = (value) => make('td', { class: value === 'buy' ? 'good' : 'bad', text: value ?? '–' });

async function cancel(button, key) {
  button.disabled = true;
  try {
    await ask('order.cancel', { key });
  } catch (refused) {
    button.disabled = false;
    button.title = refused.message;
    say(byId('orders-note'), refused.message);
  }
}

function orderRow(order) {
  const instrument = order.instrument ?? instrumentOf(order.con_id);
  const step = instrument?.min_tick;
  const at = order.average_price ?? order.limit_price ?? order.stop_price;
  const button = FINAL.has(order.state) ? undefined
    : make('button', { type: 'button', class: 'quiet small', text: 'Cancel', 'aria-label': `Cancel order ${order.key}`, onclick: (event) => cancel(event.currentTarget, order.key) });
  return make('tr', {},
    make('td', { class: 'faded', text: time(changedAt(order)) }),
    make('td', {}, order.key, make('small', { text: order.origin === 'bridge' ? '' : words(order.origin) })),
    make('td', { text: nameOf(instrument) }),
    side(order.side),
    make('td', { class: 'num', text: `${size(order.filled)} / ${size(order.quantity)}` }),
    make('td', { class: 'num', text: at === undefined ? words(order.order_type) : price(at, step) }),
    make('td', {}, make('span', { class: `tag ${KLASS[order.state] ?? ''}`, text: words(order.state), title: order.reason })),
    make('td', {}, button));
}

function fillRow(fill) {
  return make('tr', {},
    make('td', { class: 'faded', text: time(fill.event_us ?? fill.recv_us) }),
    make('td', { text: nameOf(fill.instrument) }),
    side(fill.side),
    make('td', { class: 'num', text: size(fill.quantity) }),
    make('td', { class: 'num', text: price(fill.price, fill.instrument.min_tick) }),
    make('td', { class: 'num', text: fill.commission === undefined ? '–' : `${money(fill.commission)} ${fill.commission_currency ?? ''}`.trim() }));
}

const draw = onNextFrame(() => {
  const newest = [...orders.values()].reverse().slice(0, SHOWN);
  const open = newest.filter((order) => !FINAL.has(order.state)).length;
  // A button that is in use must not be drawn away.
  const focused = document.activeElement?.getAttribute('aria-label');
  byId('orders').replaceChildren(...newest.map(orderRow));
  if (focused?.startsWith('Cancel order')) byId('orders').querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  say(byId('orders-note'), newest.length ? `${open} open` : '');
  showEmpty('no-orders', newest.length === 0);
  byId('fills').replaceChildren(...[...fills.values()].reverse().slice(0, SHOWN).map(fillRow));
  say(byId('fills-note'), fills.size ? `${fills.size} known` : '');
  showEmpty('no-fills', fills.size === 0);
});

export async function loadOrders() {
  const [listed, executed] = await Promise.allSettled([ask('order.list', { filter: 'all' }), ask('account.executions')]);
  listed.value?.orders.forEach(setListed);
  executed.value?.fills.forEach(setFill);
}
