const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** `Sun, 06 Nov 1994 08:49:37 GMT`, and with another name of that zone. */
const IMF_FIXDATE = /^[a-z]{3}, *(\d{1,2}) ([a-z]{3}) (\d{4}) (\d{2}:\d{2}:\d{2}) (?:GMT|UTC|UT|Z)$/i;

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC_850 = /^[a-z]{3,9}, *(\d{1,2})-([a-z]{3})-(\d{2}|\d{4}) (\d{2}:\d{2}:\d{2}) (?:GMT|UTC|UT|Z)$/i;

/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = /^[a-z]{3} ([a-z]{3}) {1,2}(\d{1,2}) (\d{2}:\d{2}:\d{2}) (\d{4})$/i;

/** `1994-11-06T08:49:37Z`, also with a fraction, an offset, or a space between date and time. */
const ISO_8601 = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?$/i;

/** Reads an HTTP date in each form that recipients have to accept (RFC 9110, section 5.6.7). */
export function httpDateMs(text: string, nowMs: number): number | undefined {
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) {
    const [, month = "", day = "", time = "", year = ""] = asctime;
    return dateMs(Number(year), month, day, time);
  }
  const [, day = "", month = "", year, time = ""] = IMF_FIXDATE.exec(text) ?? RFC_850.exec(text) ?? [];
  if (year === undefined) return undefined;
  if (year.length > 2) return dateMs(Number(year), month, day, time);
  // Of two digits, a year that would be more than 50 years ahead is the last one in the past that ends like this.
  const thisYear = new Date(nowMs).getUTCFullYear();
  const inThisCentury = thisYear - (thisYear % 100) + Number(year);
  return dateMs(inThisCentury > thisYear + 50 ? inThisCentury - 100 : inThisCentury, month, day, time);
}

/** Reads a date of ISO 8601; one without a zone is of UTC. */
export function isoDateMs(text: string): number | undefined {
  const [, date, time, zone = "Z"] = ISO_8601.exec(text) ?? [];
  if (date === undefined) return undefined;
  const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const ms = Date.parse(`${date}T${time}${offset}`);
  return Number.isNaN(ms) ? undefined : ms;
}

function dateMs(year: number, monthName: string, day: string, time: string): number | undefined {
  const month = MONTHS.indexOf(monthName.toLowerCase());
  const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number);
  if (month === -1 || hour > 23 || minute > 59 || second > 60) return undefined;
  return Date.UTC(year, month, Number(day), hour, minute, second);
}
