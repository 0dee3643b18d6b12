// snapshots.schedule: what it may say, and when a snapshot is due by it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { schedule, splitSchedule } from "../../../server/api/config-keys/schedule.ts";
import { cronExpressions, isDueAt, isDueAtStart } from "../../../server/instances/snapshots/schedule.ts";

test("takes cron expressions, names for them, and lists", () => {
  for (const value of ["* * * * *", "*/5 0-4,8-12 1 jan-mar MON,sat", "0 6 * * 7", "@hourly", "@DAILY", "@hourly, @startup", "@hourly,@daily", "@never", "0 1 * * *, 0 13 * * *", "0,30 * * * *, @startup", "5-55/10 * * * *"]) {
    assert.equal(schedule(value), undefined, value);
  }
});

test("refuses what is none, and says why", () => {
  const wrong: Record<string, RegExp> = {
    "often": /"often" is no cron expression: it has the fields/, "* * * *": /no cron expression/, "* * * * * *": /no cron expression/, "60 * * * *": /the minute of "60 \* \* \* \*" is none/,
    "* 24 * * *": /the hour/, "* * 0 * *": /day of the month/, "* * * 13 *": /the month/, "* * * * 8": /day of the week/, "*/0 * * * *": /the minute/, "9-5 * * * *": /the minute/,
    "1- * * * *": /the minute/, "1,, * * * *": /no cron|the minute/, "* * * * monday": /day of the week/, "@fortnightly": /"@fortnightly" is none of @hourly/, "@never, @daily": /@never stands alone/,
    ",": /no cron expression/, " ": /expected/, "$(reboot) * * * *": /the minute/, "* * * * *; ls": /no cron/,
  };
  for (const [value, message] of Object.entries(wrong)) assert.match(schedule(value) ?? "accepted", message, value);
});

test("splits at a comma that is not cron's", () => {
  assert.deepEqual(splitSchedule("0,30 * * * *, @Startup"), ["0,30 * * * *", "@startup"]);
  assert.deepEqual(splitSchedule("@hourly,@daily"), ["@hourly", "@daily"]);
  assert.deepEqual(splitSchedule("@startup, 1,2 * * * *"), ["@startup", "1,2 * * * *"]);
});

test("spreads instances over the hour, always in the same way, and leaves midnight at night", () => {
  assert.deepEqual(cronExpressions("@hourly, @never, @startup, 5 4 * * *", 1), ["37 * * * *", "5 4 * * *"]);
  assert.deepEqual(cronExpressions("@daily", 1), ["37 7 * * *"]);
  assert.match(cronExpressions("@midnight", 5)[0] ?? "", /^\d+ 0 \* \* \*$/);
  assert.equal(new Set(Array.from({ length: 60 }, (_, id) => cronExpressions("@hourly", id)[0])).size, 60);
});

test("is due in its minute, and in no other", async () => {
  const at = (text: string) => new Date(`${text}`); // of the machine's time zone
  assert.equal(await isDueAt("30 6 * * *", 1, at("2026-11-23T06:30:59.9")), true);
  assert.equal(await isDueAt("30 6 * * *", 1, at("2026-11-23T06:30:00")), true);
  assert.equal(await isDueAt("30 6 * * *", 1, at("2026-11-23T06:31:00")), false);
  assert.equal(await isDueAt("* * * * *", 1, at("2026-11-23T06:31:00")), true);
  assert.equal(await isDueAt("0 0 * * mon", 1, at("2026-11-23T00:00:10")), true); // a Monday
  assert.equal(await isDueAt("0 0 * * sun,7", 1, at("2026-11-22T00:00:10")), true);
  assert.equal(await isDueAt("0 0 1 * mon", 1, at("2026-11-23T00:00:10")), true); // either day
  assert.equal(await isDueAt("@hourly", 1, at("2026-11-23T11:37:00")), true);
  assert.equal(await isDueAt("@weekly", 1, at("2026-11-22T07:37:00")), true);
  assert.equal(await isDueAt("@yearly", 1, at("2026-01-01T07:37:00")), true);
  for (const never of [undefined, "", "@never", "@startup"]) assert.equal(await isDueAt(never, 1, at("2026-11-23T00:00:00")), false);
});

test("is due at a start only by @startup", () => {
  assert.deepEqual(["@startup", "@daily, @Startup", "@daily", undefined].map(isDueAtStart), [true, true, false, false]);
});
