// Dates by Go's layouts, which show how "Mon Jan 2 15:04:05 2006" is to look. Local time, as LXD.

const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const piece = /January|Jan|Monday|Mon|MST|2006|Z07:00|Z0700|-07:00|-0700|-07|\.0+|01|02|03|04|05|06|_2|15|PM|pm|[1-5]/g;

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

function formatOffset(date: Date, separator: string): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}${separator}${pad(size % 60)}`;
}

function zoneName(date: Date): string {
  const part = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date).find(({ type }) => type === "timeZoneName");
  return part?.value ?? "UTC";
}

function formatPiece(date: Date, what: string): string {
  const hour = date.getHours();
  const month = months[date.getMonth()] ?? "";
  const day = days[date.getDay()] ?? "";
  const zulu = date.getTimezoneOffset() === 0;
  switch (what) {
    case "2006": return pad(date.getFullYear(), 4);
    case "06": return pad(date.getFullYear() % 100);
    case "January": return month;
    case "Jan": return month.slice(0, 3);
    case "01": return pad(date.getMonth() + 1);
    case "1": return String(date.getMonth() + 1);
    case "Monday": return day;
    case "Mon": return day.slice(0, 3);
    case "02": return pad(date.getDate());
    case "_2": return String(date.getDate()).padStart(2);
    case "2": return String(date.getDate());
    case "15": return pad(hour);
    case "03": return pad(hour % 12 || 12);
    case "3": return String(hour % 12 || 12);
    case "04": return pad(date.getMinutes());
    case "4": return String(date.getMinutes());
    case "05": return pad(date.getSeconds());
    case "5": return String(date.getSeconds());
    case "PM": return hour < 12 ? "AM" : "PM";
    case "pm": return hour < 12 ? "am" : "pm";
    case "MST": return zoneName(date);
    case "Z07:00": return zulu ? "Z" : formatOffset(date, ":");
    case "Z0700": return zulu ? "Z" : formatOffset(date, "");
    case "-07:00": return formatOffset(date, ":");
    case "-0700": return formatOffset(date, "");
    case "-07": return formatOffset(date, "").slice(0, 3);
    default: return `.${pad(date.getMilliseconds(), 3).padEnd(what.length - 1, "0").slice(0, what.length - 1)}`;
  }
}

/** Formats a date by a Go layout; an invalid date gives nothing. */
export function formatGoDate(date: Date, layout: string): string {
  if (Number.isNaN(date.getTime())) return "";
  return layout.replace(piece, (what) => formatPiece(date, what));
}
