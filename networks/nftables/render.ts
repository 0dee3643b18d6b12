// Text for `nft -f -`. One text is one transaction: packets meet either the old rules or the new.
import { assertNetworkName } from "../name.ts";
import { type Chain, chainNames } from "./rules.ts";

export const table = "inet berth";

/** Takes a chain away, whether it is there or not. */
const renderRemove = (chain: string): string[] => [`add chain ${table} ${chain}`, `flush chain ${table} ${chain}`, `delete chain ${table} ${chain}`];

/** A chain that stays is emptied and filled: taking its hook out and in again would cost the kernel much longer. */
function renderFill({ name, type, hook, priority, rules }: Chain): string[] {
  return [
    `add chain ${table} ${name} { type ${type} hook ${hook} priority ${priority}; policy accept; }`,
    `flush chain ${table} ${name}`,
    ...rules.map((rule) => `add rule ${table} ${name} ${rule}`),
  ];
}

/** Makes these all the chains that a network has. Throws `invalid_name`. */
export function renderRules(network: string, chains: readonly Chain[]): string {
  assertNetworkName(network);
  const unused = chainNames(network).filter((name) => !chains.some((chain) => chain.name === name));
  return [`add table ${table}`, ...unused.flatMap(renderRemove), ...chains.flatMap(renderFill), ""].join("\n");
}

/** Takes all chains of a network away; the table stays. */
export function renderRemoval(network: string): string {
  return renderRules(network, []);
}
