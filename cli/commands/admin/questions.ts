// The questions of an interactive `admin init`.
import type { Prompt } from "../../prompt.ts";
import { usualNetwork, usualPool, type Wishes } from "./plan.ts";

/** `10.1.2.1/24`, `auto` or `none`; the fault otherwise. */
export function checkSubnet(answer: string, family: 4 | 6): string | undefined {
  if (answer === "auto" || answer === "none") return undefined;
  // Loaded when it is needed: it would delay every start of the program.
  const { isIP } = process.getBuiltinModule("node:net");
  const [address = "", prefix = ""] = answer.split("/");
  const isSubnet = isIP(address) === family && /^\d+$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
  return isSubnet ? undefined : `expected an IPv${family} address with its prefix length, such as ${family === 4 ? "10.62.42.1/24" : "fd42::1/64"}, or auto or none`;
}

function checkName(answer: string): string | undefined {
  return /^[a-zA-Z][a-zA-Z0-9._-]{0,14}$/.test(answer) ? undefined : "expected a name of at most 15 letters, digits, dots, dashes";
}

/** Asks for what the command line has not said. */
export async function askWishes(prompt: Pick<Prompt, "ask">, given: Wishes): Promise<Wishes> {
  const pool = given.pool || (await prompt.ask(`Name of the storage pool [default=${usualPool}]: `, usualPool, checkName));
  const network = given.network || (await prompt.ask(`What should the network bridge be called? [default=${usualNetwork}]: `, usualNetwork, checkName));
  const subnet = (family: 4 | 6) =>
    prompt.ask(`What IPv${family} address should be used? (CIDR subnet notation, "auto" or "none") [default=auto]: `, "auto", (answer) => checkSubnet(answer, family));
  return { ...given, pool, network, ipv4: given.ipv4 || (await subnet(4)), ipv6: given.ipv6 || (await subnet(6)) };
}
