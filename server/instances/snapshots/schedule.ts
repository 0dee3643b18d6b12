// When snapshots are due, as `snapshots.schedule` says. Pure but for the cron library, which is loaded when it is needed.
import { scheduleAliases, splitSchedule } from "../../api/config-keys/schedule.ts";

/** Whether one is to be taken before each start. */
export function isDueAtStart(schedule: string | undefined): boolean {
  return splitSchedule(schedule ?? "").includes("@startup");
}

/** The cron expressions of a schedule; `id` spreads instances over the hour and the day. */
export function cronExpressions(schedule: string, id: number): string[] {
  const [minute, hour] = [(id * 37) % 60, (id * 7) % 24];
  return splitSchedule(schedule).flatMap((part) => {
    if (!part.startsWith("@")) return [part];
    const expression = scheduleAliases[part];
    return expression ? [expression.replace("M", String(minute)).replace("H", String(hour))] : [];
  });
}

/** Whether a snapshot of an instance is due in the minute that a time lies in, of the machine's time zone. */
export async function isDueAt(schedule: string | undefined, id: number, time: Date): Promise<boolean> {
  const expressions = schedule ? cronExpressions(schedule, id) : [];
  if (expressions.length === 0) return false;
  const { Cron } = await import("croner");
  const minute = new Date(time);
  minute.setSeconds(0, 0);
  return expressions.some((expression) => new Cron(expression, { paused: true }).match(minute));
}
