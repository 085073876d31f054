// The three facts that are never mixed, farms, and how they went, at most in the last hour.

import { byId, make, onNextFrame, say } from './dom.js';
import { since, time, words, zone } from './format.js';

const MINUTE_US = 60e6;
/** Minutes that the lanes show: the fewest that hold all that is known. */
const SPANS = [5, 15, 60];
/** A narrow screen has room for three times only. */
const NARROW_PX = 480;
const STATES_MAX = 400;

let connection;
const states = [];
const farms = new Map();

const ofPhase = (phase) => (phase === 'ready' ? 'good' : phase === 'down' ? 'bad' : 'warn');
/** A gateway that lost IB says so; one that was never without it says nothing of it, and farms that are up are its word. */
const ofIb = (link, isWell) => (link === 'up' ? 'good' : link === 'lost' ? 'bad' : isWell ? 'likely' : 'quiet');

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
  const up = [...farms.values()].filter(({ state }) => state === 'up');
  const isUnknown = connection.ib_link === 'unknown';
  const word = !isUnknown ? connection.ib_link : up.length ? 'no loss told' : 'no notice yet';
  const detail = isUnknown && up.length ? `${up.length} farms up, since ${time(connection.ib_link_since_us)}` : `since ${time(connection.ib_link_since_us)}`;
  byId('facts').replaceChildren(
    linkFact('Trading link', connection.trading),
    linkFact('Data link', connection.data),
    fact('Gateway to IB', ofIb(connection.ib_link, up.length > 0), word, detail),
  );
  // What is well is one chip; what is not has one of its own.
  const names = (list) => list.map(({ farm }) => farm).sort().join(', ');
  const others = [...farms.values()].filter(({ state }) => state !== 'up').sort((a, b) => a.farm.localeCompare(b.farm));
  byId('farms').replaceChildren(
    ...others.map((farm) => make('li', { class: farm.state === 'down' ? 'is-bad' : '', text: `${farm.farm} ${farm.state}` })),
    ...(up.length ? [make('li', { class: 'is-good', title: names(up), text: up.length === 1 ? `${names(up)} up` : `${up.length} farms up` })] : []));
  drawTimeline();
});

const LANES = [
  ['trading', (state) => ofPhase(state.trading.phase)],
  ['data', (state) => ofPhase(state.data.phase)],
  ['IB', (state) => ofIb(state.ib_link, state.ready)],
];

function drawTimeline() {
  const width = byId('timeline').clientWidth || 600;
  const left = 52;
  const now = Date.now() * 1000;
  const known = (now - (states[0]?.recv_us ?? now)) / MINUTE_US;
  const span = SPANS.find((minutes) => known <= minutes) ?? SPANS.at(-1);
  const from = now - span * MINUTE_US;
  const x = (us) => left + ((Math.max(us, from) - from) / (now - from)) * (width - left);
  const svg = make('svg', { viewBox: `0 0 ${width} 76`, role: 'img', 'aria-label': `Connection in the last ${span} minutes` });
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
      box.append(make('title', { text: `${time(state.recv_us)} ${name}: ${klass === 'likely' ? 'no loss told' : klass}` }));
      svg.append(box);
    });
  });
  const marks = width < NARROW_PX ? 2 : span === 60 ? 4 : 5;
  for (let mark = marks; mark >= 0; mark -= 1) {
    const minutes = (span * mark) / marks;
    const anchor = mark === 0 ? 'end' : mark === marks ? 'start' : 'middle';
    svg.append(make('text', { x: x(now - minutes * MINUTE_US), y: 72, 'text-anchor': anchor, text: minutes ? `−${minutes} min` : 'now' }));
  }
  byId('timeline').replaceChildren(svg);
}

export function tickConnection() {
  draw();
  const started = states[0]?.recv_us;
  say(byId('now'), `now ${time(Date.now() * 1000)} ${zone()}`);
  if (started) say(byId('uptime'), `, known since ${time(started)}`);
}
