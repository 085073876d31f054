// Live quotes of everything that is subscribed, each with a small chart.

import { ask } from './bridge.js';
import { byId, make, onNextFrame, say, showEmpty } from './dom.js';
import { kindOf, nameOf, percent, price } from './format.js';

const POINTS_MAX = 120;
const POINT_EVERY_MS = 1000;

/** con_id to { instrument, quote, points, row }. */
const rows = new Map();
const dirty = new Set();
let chosen;
let onChoose = () => {};

export const whenChosen = (listener) => { onChoose = listener; };
export const instrumentOf = (conId) => rows.get(conId)?.instrument;

/** The price that stands for an instrument: the last trade, else the middle of bid and ask. */
export function priceOf(quote) {
  if (quote.last !== undefined) return quote.last;
  if (quote.bid !== undefined && quote.ask !== undefined) return (quote.bid + quote.ask) / 2;
  return quote.mark ?? quote.close;
}

export function setQuote(quote) {
  const row = rows.get(quote.con_id);
  if (!row) return;
  row.quote = quote;
  const value = priceOf(quote);
  const now = Date.now();
  if (value !== undefined && now - row.pointAt >= POINT_EVERY_MS) {
    row.pointAt = now;
    row.points.push(value);
    if (row.points.length > POINTS_MAX) row.points.shift();
  }
  dirty.add(quote.con_id);
  draw();
}

/** Takes what `md.list` says: new instruments appear with their picture, ended ones go. */
export async function setLeases(list) {
  const wanted = new Map();
  for (const lease of list.leases) {
    if (lease.streams.some(({ stream }) => stream === 'quote' || stream === 'tick')) wanted.set(lease.instrument.con_id, lease.instrument);
  }
  for (const conId of rows.keys()) {
    if (!wanted.has(conId)) {
      rows.get(conId).element.remove();
      rows.delete(conId);
    }
  }
  const fresh = [...wanted].filter(([conId]) => !rows.has(conId));
  for (const [conId, instrument] of fresh) rows.set(conId, newRow(instrument));
  showEmpty('no-quotes', rows.size === 0);
  say(byId('market-note'), rows.size ? `${rows.size} instruments` : '');
  if (chosen === undefined && rows.size) choose(rows.keys().next().value);
  const running = new Set(list.upstream.filter(({ stream, state }) => stream === 'quote' && state === 'streaming').map((row) => row.con_id));
  await Promise.allSettled(fresh.filter(([conId]) => running.has(conId)).map(async ([conId, { exchange }]) => {
    const snapshot = await ask('md.snapshot', { contract: { con_id: conId, exchange } });
    if (!rows.get(conId)?.quote) setQuote(snapshot.quote);
  }));
}

function newRow(instrument) {
  const cell = (klass) => make('td', { class: klass });
  const cells = { bid: cell('num'), ask: cell('num'), last: cell('num'), day: cell('num') };
  const line = make('path', {});
  const spark = make('svg', { class: 'spark', viewBox: '0 0 96 24', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, line);
  const pick = make('button', { class: 'pick', type: 'button', 'aria-pressed': 'false', text: nameOf(instrument) });
  const element = make('tr', { onclick: () => choose(instrument.con_id) },
    make('td', {}, pick, make('small', { class: 'below', text: kindOf(instrument) })),
    make('td', { class: 'spark-cell' }, spark),
    cells.bid, cells.ask, cells.last, cells.day);
  byId('quotes').append(element);
  return { instrument, quote: undefined, shown: {}, points: [], pointAt: 0, element, cells, line, pick };
}

export function choose(conId) {
  chosen = conId;
  for (const [id, row] of rows) {
    row.element.classList.toggle('chosen', id === conId);
    row.pick.setAttribute('aria-pressed', String(id === conId));
  }
  onChoose(rows.get(conId)?.instrument);
}

const draw = onNextFrame(() => {
  for (const conId of dirty) {
    const row = rows.get(conId);
    if (row?.quote) drawRow(row);
  }
  dirty.clear();
});

function drawRow({ instrument, quote, cells, shown, points, line, element }) {
  const step = instrument.min_tick ?? 0.01;
  for (const field of ['bid', 'ask', 'last']) {
    say(cells[field], price(quote[field], step));
    flash(cells[field], quote[field] - shown[field]);
    shown[field] = quote[field];
  }
  const value = priceOf(quote);
  const change = quote.close && value !== undefined ? (value / quote.close - 1) * 100 : undefined;
  say(cells.day, change === undefined ? '–' : percent(change));
  cells.day.className = `num ${change > 0 ? 'good' : change < 0 ? 'bad' : ''}`;
  element.classList.toggle('faded', quote.stale);
  element.title = quote.stale ? 'may be out of date' : '';
  line.setAttribute('d', path(points));
}

function flash(cell, change) {
  if (!change) return;
  const klass = change > 0 ? 'up' : 'down';
  cell.classList.remove('up', 'down');
  cell.classList.add(klass);
  setTimeout(() => cell.classList.remove(klass), 150);
}

function path(points) {
  if (points.length < 2) return '';
  const low = Math.min(...points);
  const range = Math.max(...points) - low || 1;
  return points.map((value, place) => `${place ? 'L' : 'M'}${((place / (points.length - 1)) * 96).toFixed(1)} ${(22 - ((value - low) / range) * 20).toFixed(1)}`).join('');
}
