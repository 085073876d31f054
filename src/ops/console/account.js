// Positions and profit.

import { ask } from './bridge.js';
import { byId, make, onNextFrame, say, showEmpty } from './dom.js';
import { money, nameOf, price, profit, size } from './format.js';
import { instrumentOf } from './market.js';

const positions = new Map();
const profits = new Map();
const accounts = new Map();
const worth = new Map();

const keyOf = (event) => `${event.account} ${event.con_id}`;

export function setPosition(event) {
  if (Number(event.position) === 0) positions.delete(keyOf(event));
  else positions.set(keyOf(event), event);
  draw();
}

export function setPositionPnl(event) {
  profits.set(keyOf(event), event);
  draw();
}

export function setPnl(event) {
  accounts.set(event.account, event);
  draw();
}

export function setValue(event) {
  if (event.tag !== 'NetLiquidation') return;
  worth.set(event.account, event);
  draw();
}

/**
 * What figures of several accounts come to, for each currency by itself: amounts of two currencies have no sum. An account
 * whose currency is not known stands for itself.
 */
export function totals(figures) {
  const sums = new Map();
  for (const { account, currency, value } of figures) {
    if (value === undefined || value === null) continue;
    const unit = currency ?? `(${account})`;
    sums.set(unit, (sums.get(unit) ?? 0) + value);
  }
  return [...sums].map(([currency, value]) => ({ currency, value }));
}

const sign = (value) => (value > 0 ? 'good' : value < 0 ? 'bad' : '');
const signed = (value) => make('td', { class: `num ${sign(value)}`, text: profit(value) });

function row(event) {
  const pnl = profits.get(keyOf(event));
  return make('tr', {},
    make('td', {}, nameOf(event.instrument), make('small', { class: 'below', text: event.account })),
    make('td', { class: 'num', text: size(event.position) }),
    make('td', { class: 'num', text: price(event.average_cost, event.instrument?.min_tick ?? instrumentOf(event.con_id)?.min_tick) }),
    signed(pnl?.daily),
    signed(pnl?.unrealized ?? event.unrealized_pnl));
}

function figure(name, figures, write, isSigned) {
  const sums = totals(figures);
  const parts = sums.map(({ currency, value }) => make('span', { class: isSigned ? sign(value) : '' }, write(value), make('small', { text: currency })));
  return make('div', {}, make('dt', { text: name }), make('dd', { text: parts.length ? undefined : '–' }, ...parts));
}

const draw = onNextFrame(() => {
  const open = [...positions.values()].sort((a, b) => nameOf(a.instrument).localeCompare(nameOf(b.instrument)));
  byId('positions').replaceChildren(...open.map(row));
  showEmpty('no-positions', open.length === 0);
  // Profit is told in the account's base currency, which is the one of its net liquidation.
  const told = (field) => [...accounts.values()].map((pnl) => ({ account: pnl.account, currency: worth.get(pnl.account)?.currency, value: pnl[field] }));
  const net = [...worth.values()].map(({ account, currency, value }) => ({ account, currency, value: Number(value) }));
  const realized = totals(told('realized')).map(({ currency, value }) => `${profit(value)} ${currency}`);
  say(byId('pnl'), realized.length ? `realized ${realized.join(', ')}` : '');
  byId('headline').replaceChildren(
    figure('Net liquidation', net, money),
    figure('Daily', told('daily'), profit, true),
    figure('Unrealized', told('unrealized'), profit, true));
});

export async function loadAccount() {
  const [held, told, summary] = await Promise.allSettled([ask('account.positions'), ask('account.pnl'), ask('account.summary')]);
  if (held.value) {
    positions.clear();
    held.value.positions.forEach(setPosition);
  }
  told.value?.accounts?.forEach(setPnl);
  told.value?.positions?.forEach(setPositionPnl);
  summary.value?.values.forEach(setValue);
  draw();
}
