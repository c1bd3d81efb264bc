/** Writes numbers in the language of the texts. */
import { texts } from './texts.js';

const { units } = texts;
const number = options => new Intl.NumberFormat(texts.language, options);
const whole = number({ maximumFractionDigits: 0 });
const short = number({ maximumSignificantDigits: 3 });
const threePlaces = number({ minimumFractionDigits: 3, maximumFractionDigits: 3 });
const twoPlaces = number({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
const wholePercent = number({ style: 'percent', maximumFractionDigits: 0 });
const exactPercent = number({ style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });

function scaled(value, base, names) {
  let unit = 0;
  // 999.5 would be written as 1,000.
  while (value >= (unit ? 999.5 : base) && unit < names.length - 1) {
    value /= base;
    unit += 1;
  }
  return units.amount(unit === 0 ? whole.format(value) : short.format(value), names[unit]);
}

/** A number of bytes without a unit: `152,089`. */
export const exact = bytes => whole.format(bytes);
/** Bytes of files, in powers of 1000: `152 kB`. */
export const size = bytes => scaled(bytes, 1000, units.bytes);
/** Bytes of memory, in powers of 1024: `207 MiB`. */
export const memory = bytes => scaled(bytes, 1024, units.memory);
/** Bits per byte or of a symbol. */
export const bits = value => threePlaces.format(value);
/** Bits per byte where little space is. */
export const shortBits = value => twoPlaces.format(value);
/** Per cent of progress; never 100 % before the end. */
export const percent = part => wholePercent.format(Math.floor(Math.min(Math.max(part, 0), 1) * 100) / 100);
/** Per cent of a size or a probability. */
export const share = part => exactPercent.format(part);

/** A duration given in seconds, to about two digits. */
export function time(seconds) {
  if (seconds < 9.95) {
    return units.seconds(short.format(Math.max(0.1, Math.round(seconds * 10) / 10)));
  }
  if (seconds < 60) {
    return units.seconds(whole.format(Math.round(seconds)));
  }
  const inUnits = (words, large, small) => {
    const smalls = Math.round(seconds / small);
    return words(whole.format(Math.floor(smalls * small / large)), whole.format(smalls % (large / small)));
  };
  if (seconds < 3600) {
    return inUnits(units.minutes, 60, 1);
  }
  return seconds < 86400 ? inUnits(units.hours, 3600, 60) : inUnits(units.days, 86400, 3600);
}
