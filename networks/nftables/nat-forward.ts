// Rules that send what is addressed to the host on to a guest, as text for `nft -f -`. Pure.
import { createHash } from "node:crypto";
import type { Family } from "../../server/api/config-keys/ip.ts";
import { table } from "./render.ts";

export interface NatForward {
  /** Unique; `INSTANCE.DEVICE`. */
  readonly label: string;
  readonly family: Family;
  readonly protocol: "tcp" | "udp";
  readonly listen: string;
  readonly listenPorts: readonly number[];
  readonly target: string;
  /** As many as those listened on, or one for all. */
  readonly targetPorts: readonly number[];
  /** Who would answer the target past the host: its neighbours, itself among them. `ADDRESS/PREFIX` or one address. */
  readonly neighbours: string;
}

const purposes = ["natin", "natout", "natback"] as const;
const longestLabel = 100;

/** The names of a forward's chains; what nft would not take as a name is replaced by its digest. */
export function natChains(label: string): [incoming: string, local: string, back: string] {
  const safe = /^[\w][\w.-]*$/.test(label) && label.length <= longestLabel ? label : createHash("sha256").update(label).digest("hex").slice(0, 32);
  return purposes.map((purpose) => `${purpose}.${safe}`) as [string, string, string];
}

/** Whether a chain is one of some forward's. */
export const isNatChain = (name: string): boolean => purposes.some((purpose) => name.startsWith(`${purpose}.`));

/** Ports one after the other as [first, last] of both sides; a side with one port for all keeps it. */
function pairRanges(listen: readonly number[], target: readonly number[]): { from: [number, number]; to: [number, number] }[] {
  const single = target.length === 1;
  const ranges: { from: [number, number]; to: [number, number] }[] = [];
  for (const [i, port] of listen.entries()) {
    const to = target[single ? 0 : i] ?? 0;
    const last = ranges.at(-1);
    // A range keeps its ports only where both sides have the same ones.
    const goesOn = last && last.from[1] + 1 === port && (single || (to === port && last.to[0] === last.from[0]));
    if (!goesOn) ranges.push({ from: [port, port], to: [to, to] });
    else {
      last.from[1] = port;
      if (!single) last.to[1] = to;
    }
  }
  return ranges;
}

const range = ([first, last]: readonly [number, number]): string => (first === last ? `${first}` : `${first}-${last}`);

function redirect(forward: NatForward): string[] {
  const ip = forward.family === 4 ? "ip" : "ip6";
  const target = forward.family === 4 ? forward.target : `[${forward.target}]`;
  return pairRanges(forward.listenPorts, forward.targetPorts).map(({ from, to }) => {
    const kept = from[0] !== from[1] && to[0] !== to[1];
    return `${ip} daddr ${forward.listen} ${forward.protocol} dport ${range(from)} dnat ${ip} to ${kept ? forward.target : `${target}:${range(to)}`}`;
  });
}

/** Neighbours hear from the host: the target would answer them directly, and they would not know the answer. */
function comeBack({ family, protocol, target, targetPorts, neighbours }: NatForward): string[] {
  const ip = family === 4 ? "ip" : "ip6";
  const ports = [...new Set(targetPorts)];
  return [`ct status dnat ${ip} saddr ${neighbours} ${ip} daddr ${target} ${protocol} dport { ${ports.join(", ")} } masquerade`];
}

const chain = (name: string, hook: string, priority: number, rules: readonly string[]): string[] => [
  `add chain ${table} ${name} { type nat hook ${hook} priority ${priority}; policy accept; }`,
  `flush chain ${table} ${name}`,
  ...rules.map((rule) => `add rule ${table} ${name} ${rule}`),
];

/** Makes a forward's rules what they should be. */
export function renderNatForward(forward: NatForward): string {
  const [incoming, local, back] = natChains(forward.label);
  return [
    `add table ${table}`,
    ...chain(incoming, "prerouting", -100, redirect(forward)), ...chain(local, "output", -100, redirect(forward)),
    ...chain(back, "postrouting", 100, comeBack(forward)), "",
  ].join("\n");
}

/** Takes chains away, whether they are there or not. */
export function renderChainRemoval(chains: readonly string[]): string {
  return [`add table ${table}`, ...chains.flatMap((name) => [`add chain ${table} ${name}`, `flush chain ${table} ${name}`, `delete chain ${table} ${name}`]), ""].join("\n");
}
