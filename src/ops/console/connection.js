// The three facts that are never mixed, farms, and how they went in the last hour.

import { byId, make, onNextFrame, say } from './dom.js';
import { since, time, words } from './format.js';

const HOUR_US = 3600e6;
const STATES_MAX = 400;

let connection;
const states = [];
const farms = new Map();

const ofPhase = (phase) => (phase === 'ready' ? 'good' : phase === 'down' ? 'bad' : 'warn');
const ofIb = (link) => (link === 'up' ? 'good' : link === 'lost' ? 'bad' : 'quiet');

export function setConnection(event) {
  connection = event;
  const last = states.at(-1);
  if (!last || event.recv_us > last.recv_us) states.push(event);
  if (states.length > STATES_MAX) states.shift();
  draw();
}

export function setFarm(event) {
  farms.set(event.farm, event);
  draw();
}

export function forgetFarms() {
  farms.clear();
}

export const isReady = () => Boolean(connection?.ready);

function fact(name, klass, state, detail) {
  return make('li', { class: klass }, make('span', { class: 'dot' }), make('span', {}, `${name} `, make('strong', { text: state })), make('small', { text: detail }));
}

function linkFact(name, link) {
  const round = link.round_trip_us === undefined ? '' : `, ${(link.round_trip_us / 1000).toFixed(1)} ms`;
  const detail = link.phase === 'ready' ? `for ${since(link.since_us)}, client ${link.client_id}${round}` : link.last_error ?? `since ${time(link.since_us)}`;
  return fact(name, ofPhase(link.phase), words(link.phase), detail);
}

const draw = onNextFrame(() => {
  if (!connection) return;
  const ib = connection.ib_link === 'unknown' ? 'no notice yet' : connection.ib_link;
  byId('facts').replaceChildren(
    linkFact('Trading link', connection.trading),
    linkFact('Data link', connection.data),
    fact('Gateway to IB', ofIb(connection.ib_link), ib, `since ${time(connection.ib_link_since_us)}`),
  );
  byId('farms').replaceChildren(...[...farms.values()].sort((a, b) => a.farm.localeCompare(b.farm)).map((farm) =>
    make('li', { class: farm.state === 'up' ? 'is-good' : farm.state === 'down' ? 'is-bad' : '', text: `${farm.farm} ${farm.state}` })));
  drawTimeline();
});

const LANES = [
  ['trading', (state) => ofPhase(state.trading.phase)],
  ['data', (state) => ofPhase(state.data.phase)],
  ['IB', (state) => ofIb(state.ib_link)],
];

function drawTimeline() {
  const width = byId('timeline').clientWidth || 600;
  const left = 52;
  const now = Date.now() * 1000;
  const from = now - HOUR_US;
  const x = (us) => left + ((Math.max(us, from) - from) / HOUR_US) * (width - left);
  const svg = make('svg', { viewBox: `0 0 ${width} 76`, role: 'img', 'aria-label': 'Connection in the last hour' });
  LANES.forEach(([name, judge], lane) => {
    const y = 4 + lane * 18;
    svg.append(make('text', { x: 0, y: y + 9, text: name }), make('rect', { class: 'lane', x: left, y, width: width - left, height: 10, rx: 3 }));
    states.forEach((state, place) => {
      const klass = judge(state);
      // Neighbours of one colour are one piece.
      if (place > 0 && judge(states[place - 1]) === klass) return;
      const end = states.slice(place).find((later) => judge(later) !== klass)?.recv_us ?? now;
      if (end < from || klass === 'quiet') return;
      const box = make('rect', { class: klass, x: x(state.recv_us), y, width: Math.max(1.5, x(end) - x(state.recv_us)), height: 10, rx: 3 });
      box.append(make('title', { text: `${time(state.recv_us)} ${name}: ${klass}` }));
      svg.append(box);
    });
  });
  for (let minutes = 60; minutes >= 0; minutes -= 15) {
    const anchor = minutes === 0 ? 'end' : minutes === 60 ? 'start' : 'middle';
    svg.append(make('text', { x: x(now - minutes * 60e6), y: 72, 'text-anchor': anchor, text: minutes ? `−${minutes} min` : 'now' }));
  }
  byId('timeline').replaceChildren(svg);
}

export function tickConnection() {
  draw();
  const started = states[0]?.recv_us;
  if (started) say(byId('uptime'), `known since ${time(started)}`);
}
