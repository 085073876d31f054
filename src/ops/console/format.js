// Numbers and times as a trader reads them.

const NONE = '–';

const decimals = (step) => {
  if (!step || step >= 1) return 2;
  const text = step.toFixed(8).replace(/0+$/, '');
  return Math.max(2, text.length - text.indexOf('.') - 1);
};

/** Where no price step is known, a small price such as a currency's has its pips all the same. */
const PIPS = 0.00005;

export const price = (value, step) => (value === undefined || value === null ? NONE : value.toFixed(decimals(step ?? (Math.abs(value) < 10 ? PIPS : undefined))));

const money2 = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero' });
const plain2 = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Profit with its sign. */
export const profit = (value) => (value === undefined || value === null ? NONE : money2.format(value).replace('-', '−'));

export const money = (value) => (value === undefined || value === null ? NONE : plain2.format(value));

export const percent = (value) => `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(2)} %`;

/** Sizes are text with the gateway's digits: they are shown as they are. */
export const size = (value) => value ?? NONE;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

export const time = (us) => (us ? clock.format(us / 1000) : NONE);

/** The zone that times are shown in, as people write it: `UTC`, `GMT+1`, `EST`. */
export const zone = () => new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(new Date()).find(({ type }) => type === 'timeZoneName')?.value ?? 'local';

export function span(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export const since = (us) => span((Date.now() * 1000 - us) / 1e6);

/** What an instrument is called: its local symbol, and what tells it from others of that name. */
export function nameOf(instrument) {
  if (!instrument) return NONE;
  if (instrument.sec_type === 'OPT' || instrument.sec_type === 'FOP') {
    return `${instrument.symbol} ${(instrument.expiry ?? '').slice(2)} ${instrument.strike ?? ''}${(instrument.right ?? '').slice(0, 1).toUpperCase()}`;
  }
  return instrument.local_symbol || instrument.symbol;
}

export const kindOf = (instrument) => (instrument ? `${instrument.sec_type} ${instrument.currency}` : '');

export const words = (state) => String(state ?? '').replaceAll('_', ' ');
