// What these scripts started on this machine, so that they can end it: /run/berth-setup.json, gone at reboot like the processes.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const file = "/run/berth-setup.json";

/** What was remembered: { lxcfs: pid, daemon: { pid, dir, unit } }. */
export function recall() {
  try {
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  } catch {
    return {};
  }
}

export function remember(facts) {
  writeFileSync(file, `${JSON.stringify({ ...recall(), ...facts })}\n`, { mode: 0o600 });
}

export function forget(...names) {
  const facts = recall();
  for (const name of names) delete facts[name];
  if (Object.keys(facts).length === 0) rmSync(file, { force: true });
  else writeFileSync(file, `${JSON.stringify(facts)}\n`, { mode: 0o600 });
}
