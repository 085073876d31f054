// Positions and profit.

import { ask } from './bridge.js';
import { byId, make, onNextFrame, say, showEmpty } from './dom.js';
import { money, nameOf, price, profit, size } from './format.js';

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

const sum = (values) => values.reduce((total, value) => (value === undefined ? total : (total ?? 0) + value), undefined);
const signed = (value) => make('td', { class: `num ${value > 0 ? 'good' : value < 0 ? 'bad' : ''}`, text: profit(value) });

function row(event) {
  const pnl = profits.get(keyOf(event));
  return make('tr', {},
    make('td', { text: nameOf(event.instrument) }),
    make('td', { class: 'faded', text: event.account }),
    make('td', { class: 'num', text: size(event.position) }),
    make('td', { class: 'num', text: price(event.average_cost, event.instrument?.min_tick) }),
    signed(pnl?.daily),
    signed(pnl?.unrealized ?? event.unrealized_pnl));
}

function figure(name, text, value) {
  return make('div', {}, make('dt', { text: name }), make('dd', { class: value > 0 ? 'good' : value < 0 ? 'bad' : '', text }));
}

const draw = onNextFrame(() => {
  const open = [...positions.values()].sort((a, b) => nameOf(a.instrument).localeCompare(nameOf(b.instrument)));
  byId('positions').replaceChildren(...open.map(row));
  showEmpty('no-positions', open.length === 0);
  const all = [...accounts.values()];
  const daily = sum(all.map(({ daily }) => daily));
  const unrealized = sum(all.map(({ unrealized }) => unrealized));
  const realized = sum(all.map(({ realized }) => realized));
  const net = sum([...worth.values()].map(({ value }) => Number(value)));
  say(byId('pnl'), realized === undefined ? '' : `realized ${profit(realized)}`);
  byId('headline').replaceChildren(
    figure('Net liquidation', money(net)),
    figure('Daily', profit(daily), daily),
    figure('Unrealized', profit(unrealized), unrealized));
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
