// Sizes and times in lxc's wording.

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  if (bytes < base) return `${bytes}B`;
  let value = bytes;
  for (const unit of units) {
    value /= base;
    if (value < base) return `${value.toFixed(digits)}${unit}`;
  }
  return `${value.toFixed(digits)}EB`;
}

/** 1.50MB */
export function formatSize(bytes: number, digits = 2): string {
  return scaled(bytes, 1000, ["kB", "MB", "GB", "TB", "PB", "EB"], digits);
}

/** 1.50MiB */
export function formatSizeIec(bytes: number, digits = 2): string {
  return scaled(bytes, 1024, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], digits);
}

const two = (value: number) => String(value).padStart(2, "0");

/** A time without zeros at the end of its fraction, as lxc writes it. */
export const trimFraction = (time: string) => time.replace(/(?:\.0+|(\.\d*[1-9])0+)Z$/, "$1Z");

/** LXD means "never" by the zero time and by the epoch. */
export function isTimeSet(time: string | undefined): time is string {
  return time !== undefined && new Date(time).getTime() > 0;
}

/** 2026/11/23 17:59 UTC */
export function formatUtc(time: string): string {
  const date = new Date(time);
  return `${date.getUTCFullYear()}/${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())} UTC`;
}

/** 2026/11/23 18:59 CET */
export function formatLocal(time: string): string {
  const date = new Date(time);
  const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(date).find((part) => part.type === "timeZoneName")?.value;
  return `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())} ${zone ?? "UTC"}`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Nov 23, 2026 at 5:59pm (UTC) */
export function formatUpload(time: string): string {
  const date = new Date(time);
  const hours = date.getUTCHours();
  const clock = `${hours % 12 || 12}:${two(date.getUTCMinutes())}${hours < 12 ? "am" : "pm"}`;
  return `${months[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()} at ${clock} (UTC)`;
}
