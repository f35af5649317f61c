/** Positions of the time in the RTC's registers, and of its alarm. */
export const RTC_SECONDS = 0x00;
export const RTC_SECONDS_ALARM = 0x01;
export const RTC_MINUTES = 0x02;
export const RTC_MINUTES_ALARM = 0x03;
export const RTC_HOURS = 0x04;
export const RTC_HOURS_ALARM = 0x05;
export const RTC_WEEKDAY = 0x06;
export const RTC_DAY = 0x07;
export const RTC_MONTH = 0x08;
export const RTC_YEAR = 0x09;
/** Not the chip's own: where PC firmware keeps the century, and what operating systems read. */
export const RTC_CENTURY = 0x32;

/** How the registers are written: register B's DM and 24/12. */
export interface RtcFormat {
  binary: boolean;
  hours24: boolean;
}

const HOUR_PM = 0x80;
const DAY_SECONDS = 86_400;
/** An alarm register with both upper bits set matches every value. */
const ALARM_ANY = 0xc0;

export function encodeByte(value: number, { binary }: RtcFormat): number {
  return binary ? value : (Math.floor(value / 10) << 4) | (value % 10);
}

function decodeByte(byte: number, { binary }: RtcFormat): number {
  return binary ? byte : (byte >> 4) * 10 + (byte & 0xf);
}

/** In 12-hour mode midnight is 12 AM and noon 12 PM. */
function encodeHour(hour: number, format: RtcFormat): number {
  if (format.hours24) return encodeByte(hour, format);
  return encodeByte(hour % 12 === 0 ? 12 : hour % 12, format) | (hour >= 12 ? HOUR_PM : 0);
}

function decodeHour(byte: number, format: RtcFormat): number {
  if (format.hours24) return decodeByte(byte, format);
  return (decodeByte(byte & ~HOUR_PM, format) % 12) + (byte & HOUR_PM ? 12 : 0);
}

/** Sets the time of day and the date; the weekday counts from Sunday, 1. */
export function writeDate(registers: Uint8Array, date: Date, format: RtcFormat): void {
  const put = (register: number, value: number): void => {
    registers[register] = encodeByte(value, format);
  };
  put(RTC_SECONDS, date.getUTCSeconds());
  put(RTC_MINUTES, date.getUTCMinutes());
  registers[RTC_HOURS] = encodeHour(date.getUTCHours(), format);
  put(RTC_DAY, date.getUTCDate());
  put(RTC_MONTH, date.getUTCMonth() + 1);
  put(RTC_YEAR, date.getUTCFullYear() % 100);
  put(RTC_CENTURY, Math.floor(date.getUTCFullYear() / 100));
  put(RTC_WEEKDAY, date.getUTCDay() + 1);
}

/** Lets `seconds` updates happen. Registers that hold no date carry over as numbers; the weekday counts for itself. */
export function advance(registers: Uint8Array, seconds: number, format: RtcFormat): void {
  const get = (register: number): number => decodeByte(registers[register], format);
  const weekday = get(RTC_WEEKDAY);
  const before = secondOfDay(registers, format);
  const year = get(RTC_CENTURY) * 100 + get(RTC_YEAR);
  const date = new Date(Date.UTC(year, get(RTC_MONTH) - 1, get(RTC_DAY)));
  date.setUTCFullYear(year);
  writeDate(registers, new Date(date.getTime() + (before + seconds) * 1000), format);
  const days = Math.floor((before + seconds) / DAY_SECONDS);
  registers[RTC_WEEKDAY] = encodeByte(((weekday + 6 + days) % 7) + 1, format);
}

export function secondOfDay(registers: Uint8Array, format: RtcFormat): number {
  const hour = decodeHour(registers[RTC_HOURS], format);
  return (
    (hour * 60 + decodeByte(registers[RTC_MINUTES], format)) * 60 + decodeByte(registers[RTC_SECONDS], format)
  );
}

/** Updates from now until the alarm matches, at least 1; Infinity when it never does. */
export function secondsToAlarm(registers: Uint8Array, format: RtcFormat): number {
  const now = secondOfDay(registers, format) % DAY_SECONDS;
  const matching = (register: number, count: number, encode: (value: number) => number): number[] =>
    Array.from({ length: count }, (_, value) => value).filter(
      (value) => registers[register] >= ALARM_ANY || registers[register] === encode(value),
    );
  const byte = (value: number): number => encodeByte(value, format);
  const seconds = matching(RTC_SECONDS_ALARM, 60, byte);
  const minutes = matching(RTC_MINUTES_ALARM, 60, byte);
  const hours = matching(RTC_HOURS_ALARM, 24, (hour) => encodeHour(hour, format));
  if (seconds.length === 0 || minutes.length === 0 || hours.length === 0) return Infinity;
  for (const hour of hours) {
    for (const minute of minutes) {
      const start = (hour * 60 + minute) * 60;
      const second = seconds.find((candidate) => start + candidate > now);
      if (second !== undefined) return start + second - now;
    }
  }
  return (hours[0] * 60 + minutes[0]) * 60 + seconds[0] + DAY_SECONDS - now;
}
