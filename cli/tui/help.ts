// The help page, made of the tables of keys and views.
import { commonKeys } from "./keys.ts";
import { views } from "./views/index.ts";
import type { View } from "./views/view.ts";

/** Keys of instances that leave the list for a terminal of their own, or for another list. */
export const instanceKeys = [
  { key: "e", does: "a shell in it" },
  { key: "C", does: "its console" },
  { key: "t", does: "its snapshots" },
] as const;

const line = (keys: string, does: string) => `  ${keys.padEnd(12)} ${does}`;

export function helpLines(view: View): string[] {
  const own = [...(view.id === "instances" ? instanceKeys : []), ...view.actions];
  return [
    `${view.title}`, ...own.map(({ key, does }) => line(key, does)), "",
    "Everywhere", ...Object.values(commonKeys).map(({ keys, does }) => line(keys, does)), "",
    "Views, by : and a name or its beginning", ...views.map(({ id, aliases, title }) => line([id, ...aliases].join(", "), title)),
  ];
}
