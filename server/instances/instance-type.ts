// Instance types (`lxc launch --type c2-m4`): so many processors, and so many GiB of memory.
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";

const part = /^[cm](\d{1,6}(?:\.\d{1,3})?)$/;

/** The limits that a type stands for. Throws `instance_size_unknown`. */
export function limitsOfType(type: string): Config {
  const limits: Config = {};
  for (const field of type.split("-")) {
    const amount = Number(part.exec(field)?.[1] ?? Number.NaN);
    if (Number.isNaN(amount)) throw fail("instance_size_unknown", { type: type.slice(0, 80) });
    if (amount > 0) Object.assign(limits, field.startsWith("c") ? processors(amount) : { "limits.memory": `${Math.trunc(amount * 1024)}MB` });
  }
  return limits;
}

/** A fraction of a processor is a share of its time. */
function processors(amount: number): Config {
  const whole = Math.ceil(amount);
  const share = Math.trunc((amount / whole) * 100);
  return { "limits.cpu": String(whole), ...(share < 100 ? { "limits.cpu.allowance": `${share}%` } : {}) };
}
