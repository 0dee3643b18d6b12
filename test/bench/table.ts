// Medians, the goals, and the table that shows them beside each other.

/** What Berth aims at: milliseconds, KiB for memory, a ratio, or a share in percent. Rows are matched by their beginning. */
const goals: readonly (readonly [string, number])[] = [
  ["image import", 300], ["launch of a new tarball ÷", 1.15], ["publish of 250 MB, default", 8700], ["1,000 images, recursion=1", 20],
  ["delete -f of 50", 2250], ["start of 50", 6000], ["init of 50", 1400], ["snapshot", 50], ["copy, ", 50], ["copy of a snapshot", 50], ["restore", 100], ["config set", 30],
  ["exec stdout, 512 MiB", 1024], ["file push, 256 MiB", 512], ["file pull, 256 MiB", 512], ["push of 10,000 files", 3000],
  ["of rsync's speed", 60], ["1,000 GETs over TLS", 1000], ["launch, ", 120], ["first launch", 250], ["started → IPv4", 350], ["launch → IPv4", 470],
  ["exec true", 18], ["list, 1 instance, berth on Node", 40], ["list, 1 instance", 15],
  ["list, ", 50], ["recursion=1", 5], ["recursion=2", 10], ["metrics", 20], ["1,000 GETs", 500], ["delete", 150], ["RSS of the daemon, idle", 90 * 1024],
  ["RSS of the daemon", 110 * 1024], ["RSS of a monitor", 3.4 * 1024],
];

export type Results = Map<string, Map<string, number[]>>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

export const goalOf = (row: string) => goals.find(([start]) => row.startsWith(start))?.[1];

const isRatio = (row: string) => row.includes("÷");
const isMemory = (row: string) => /^[RP]SS/.test(row);
/** The more the better. */
const isShare = (row: string) => row.startsWith("of ");

function show(row: string, value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "-";
  if (isShare(row)) return `${Math.round(value)} %`;
  if (isRatio(row)) return `${value.toFixed(2)}×`;
  if (isMemory(row)) return `${(value / 1024).toFixed(1)} MiB`;
  return value < 100 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

/** The Berth that an LXD is compared with: the one on the same storage driver, or else the first. */
function counterpart(lxd: string, peers: readonly string[]): string | undefined {
  const own = peers.filter((peer) => peer.startsWith("Berth"));
  return own.find((peer) => peer.slice("Berth".length) === lxd.slice("LXD".length)) ?? own[0];
}

const meets = (row: string, value: number, goal: number) => (isShare(row) ? value >= goal : value <= goal);

function verdictOf(row: string, values: readonly (readonly [peer: string, median: number | undefined])[]): string {
  const [first, ...others] = values;
  const goal = goalOf(row);
  if (goal === undefined || first?.[1] === undefined) return "";
  if (meets(row, first[1], goal)) return "met";
  const met = others.find(([, value]) => value !== undefined && meets(row, value, goal))?.[0];
  return met ? `MISSED, met by ${met}` : "MISSED";
}

/** One line a row: the goal, each peer's median, and how many times LXD's is Berth's. */
export function renderTable(results: Results, peers: readonly string[]): string {
  const compared = peers.flatMap((lxd) => {
    const own = lxd.startsWith("LXD") ? counterpart(lxd, peers) : undefined;
    return own ? [{ lxd, own }] : [];
  });
  const lines = [["", "goal", ...peers, ...compared.map(({ lxd, own }) => `${lxd} ÷ ${own}`), ""]];
  for (const [row, byPeer] of results) {
    const of = (peer: string) => (byPeer.has(peer) ? median(byPeer.get(peer) ?? []) : undefined);
    const ratios = compared.map(({ lxd, own }) => {
      const [theirs, ours] = [of(lxd), of(own)];
      return theirs && ours ? `${(theirs / ours).toFixed(1)}×` : "-";
    });
    const verdict = verdictOf(row, peers.filter((peer) => peer.startsWith("Berth")).map((peer) => [peer, of(peer)]));
    lines.push([row, show(row, goalOf(row)), ...peers.map((peer) => show(row, of(peer))), ...ratios, verdict]);
  }
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines.map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ").trimEnd()).join("\n");
}

/** The same for programs. */
export function renderJson(results: Results): string {
  const rows = [...results].map(([row, byPeer]) => [row, {
    unit: isMemory(row) ? "KiB" : isShare(row) ? "%" : isRatio(row) ? "×" : "ms",
    goal: goalOf(row),
    ...Object.fromEntries([...byPeer].map(([peer, values]) => [peer, { median: median(values), min: Math.min(...values), max: Math.max(...values), values }])),
  }]);
  return `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`;
}
