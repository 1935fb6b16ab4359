// How sizes, times and counts are written.

const UNITS = ["KB", "MB", "GB", "TB"];
const DAY = { day: "numeric", month: "long", year: "numeric" };
const TIME = { hour: "2-digit", minute: "2-digit", timeZoneName: "short" };

/** `42.4 KB`, in steps of 1024 as the service writes them. */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const step = Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length);
  return `${(bytes / 1024 ** step).toFixed(1)} ${UNITS[step - 1]}`;
}

/** In the reader's own time zone, and with its name. */
export const momentOf = (text) => new Intl.DateTimeFormat("en-GB", { ...DAY, ...TIME }).format(new Date(text));

/** The first full minute by which that many seconds have passed. */
export const timeIn = (seconds) => new Intl.DateTimeFormat("en-GB", TIME).format(Date.now() + (seconds + 59) * 1000);

export const moreUses = (count) => (count === 1 ? "once more" : count === 2 ? "twice more" : `${count} more times`);
