// Candles of the chosen instrument: history behind, the live quote in front.

import { CandlestickSeries, createChart } from './vendor/lightweight-charts.js';
import { ask } from './bridge.js';
import { byId, make, say } from './dom.js';
import { nameOf } from './format.js';
import { priceOf } from './market.js';
import { isDark, onTheme } from './theme.js';

const SIZES = [['1m', '2h', 60], ['5m', '1d', 300], ['1h', '2w', 3600], ['1d', '1y', 86400]];

let chart;
let series;
let instrument;
let size = SIZES[0];
let last;
let asked = 0;

const colours = () => (isDark()
  ? { text: '#93a0b2', line: '#262d37', up: '#4fd1b5', down: '#ff8a7a' }
  : { text: '#5a6576', line: '#e3e6eb', up: '#0f766e', down: '#b42318' });

function paint() {
  const { text, line, up, down } = colours();
  chart.applyOptions({
    layout: { background: { color: 'transparent' }, textColor: text },
    grid: { vertLines: { visible: false }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line, timeVisible: true, secondsVisible: false },
  });
  series.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
}

export function startCandles() {
  const font = getComputedStyle(document.body).fontFamily;
  chart = createChart(byId('chart'), { autoSize: true, layout: { attributionLogo: false, fontFamily: font, fontSize: 11 } });
  series = chart.addSeries(CandlestickSeries);
  paint();
  onTheme(paint);
  byId('sizes').replaceChildren(...SIZES.map((row) =>
    make('button', { type: 'button', text: row[0], 'aria-pressed': String(row === size), onclick: () => {
      size = row;
      for (const button of byId('sizes').children) button.setAttribute('aria-pressed', String(button.textContent === row[0]));
      load();
    } })));
}

export function chartOf(chosen) {
  instrument = chosen;
  load();
}

/** Charts know no zones: times are moved by the local offset so that they read as local. */
const local = (seconds) => seconds - new Date(seconds * 1000).getTimezoneOffset() * 60;

async function load() {
  if (!instrument) return;
  const mine = ++asked;
  const name = nameOf(instrument);
  say(byId('h-chart'), name);
  byId('chart').setAttribute('aria-label', `Candles of ${name}, ${size[0]}`);
  say(byId('chart-note'), 'Loading history …');
  last = undefined;
  const step = instrument.min_tick ?? 0.01;
  series.applyOptions({ priceFormat: { type: 'price', minMove: step, precision: Math.max(2, Math.ceil(-Math.log10(step))) } });
  try {
    const contract = { con_id: instrument.con_id, exchange: instrument.exchange };
    const answer = await ask('hist.bars', { contract, bar_size: size[0], duration: size[1], timeout_ms: 60000 });
    if (mine !== asked) return;
    const bars = answer.rows.map((bar) => ({ time: local(bar.start_us / 1e6), open: bar.open, high: bar.high, low: bar.low, close: bar.close }));
    series.setData(bars);
    // Room at both ends: the first and the last time on the axis would be cut off in the middle.
    const room = Math.ceil(bars.length / 12);
    chart.timeScale().setVisibleLogicalRange({ from: -room, to: bars.length - 1 + room });
    last = bars.at(-1);
    const holes = answer.manifest.holes?.length ?? 0;
    say(byId('chart-note'), `${bars.length} bars of ${size[0]}${holes ? `, ${holes} holes` : ''}, then live`);
  } catch (refused) {
    if (mine !== asked) return;
    series.setData([]);
    say(byId('chart-note'), refused.message);
  }
}

/** The bar in progress, as far as the quotes tell. */
export function chartQuote(quote) {
  if (!instrument || quote.con_id !== instrument.con_id || !last || quote.stale) return;
  const value = priceOf(quote);
  if (value === undefined) return;
  const start = local(Math.floor(quote.recv_us / 1e6 / size[2]) * size[2]);
  if (start < last.time) return;
  last = start === last.time
    ? { ...last, high: Math.max(last.high, value), low: Math.min(last.low, value), close: value }
    : { time: start, open: value, high: value, low: value, close: value };
  series.update(last);
}
