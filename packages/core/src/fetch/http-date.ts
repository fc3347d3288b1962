const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/**
 * `Sun, 06 Nov 1994 08:49:37 GMT` and `Sunday, 06-Nov-94 08:49:37 GMT`. Also the forms used in mail, without the day of the
 * week or with an offset.
 */
const DAY_FIRST =
  /^(?:[a-z]{3,9}, *)?(\d{1,2})[ -]([a-z]{3})[ -](\d{4}|\d{2}) (\d{1,2}:\d{2}:\d{2}) (?:GMT|UTC|UT|Z|([+-]\d{4}))$/i;

/** `Sun Nov  6 08:49:37 1994`, also with the zone before the year. */
const ASCTIME = /^[a-z]{3} ([a-z]{3}) {1,2}(\d{1,2}) (\d{2}:\d{2}:\d{2}) (?:(?:GMT|UTC) )?(\d{4})$/i;

/** `1994-11-06T08:49:37Z`, also with a fraction, an offset, or spaces before the time and the zone. */
const ISO_8601 =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(?: ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?$/i;

/** Reads an HTTP date in each form that recipients have to accept (RFC 9110, section 5.6.7). */
export function httpDateMs(text: string, nowMs: number): number | undefined {
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) {
    const [, month = "", day = "", time = "", year = ""] = asctime;
    return dateMs(Number(year), month, day, time);
  }
  const [, day = "", month = "", year, time = "", offset = "+0000"] = DAY_FIRST.exec(text) ?? [];
  if (year === undefined) return undefined;
  const at = (fullYear: number) => {
    const ms = dateMs(fullYear, month, day, time);
    return ms === undefined ? undefined : ms - offsetMs(offset);
  };
  if (year.length > 2) return at(Number(year));
  // Two digits mean the latest year with that ending in which the date is no more than 50 years ahead.
  const thisYear = new Date(nowMs).getUTCFullYear();
  const ahead = thisYear + 50 - ((((thisYear + 50 - Number(year)) % 100) + 100) % 100);
  const latest = new Date(nowMs).setUTCFullYear(thisYear + 50);
  return (at(ahead) ?? 0) > latest ? at(ahead - 100) : at(ahead);
}

/** Reads an ISO 8601 date. A date without a zone is in UTC. */
export function isoDateMs(text: string): number | undefined {
  const [, date, time, zone = "Z"] = ISO_8601.exec(text) ?? [];
  if (date === undefined) return undefined;
  const ms = Date.parse(`${date}T${time}Z`);
  return Number.isNaN(ms) ? undefined : ms - offsetMs(zone);
}

/** `+0200`, `+02:00` or `+02`. All other zone names mean UTC. */
function offsetMs(zone: string): number {
  const [, sign, hours, minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes)) * 60_000;
}

function dateMs(year: number, monthName: string, day: string, time: string): number | undefined {
  const month = MONTHS.indexOf(monthName.toLowerCase());
  const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number);
  if (month === -1 || hour > 23 || minute > 59 || second > 60) return undefined;
  return Date.UTC(year, month, Number(day), hour, minute, second);
}
