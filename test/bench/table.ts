// Medians, the goals, and the table that shows them beside each other.

/** What Berth aims at: milliseconds, KiB for memory, or a ratio. Rows are matched by their beginning. */
const goals: readonly (readonly [string, number])[] = [
  ["image import", 300], ["launch of a new tarball ÷", 1.15], ["publish of 250 MB, default", 8700], ["1,000 images, recursion=1", 20],
  ["delete -f of 50", 2250], ["start of 50", 6000], ["init of 50", 1400], ["snapshot", 50], ["copy", 50], ["restore", 100], ["config set", 30],
  ["exec stdout, 512 MiB", 1024], ["file push, 256 MiB", 512], ["file pull, 256 MiB", 512], ["push of 10,000 files", 3000],
  ["launch, ", 120], ["first launch", 250], ["started → IPv4", 350], ["launch → IPv4", 470], ["exec true", 18], ["list, 1 instance", 15],
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

function show(row: string, value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "-";
  if (isRatio(row)) return `${value.toFixed(2)}×`;
  if (isMemory(row)) return `${(value / 1024).toFixed(1)} MiB`;
  return value < 100 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

/** One line a row: the goal, each peer's median, and how many times LXD's is Berth's. */
export function renderTable(results: Results, peers: readonly string[]): string {
  const first = peers[0] ?? "";
  const others = peers.slice(1);
  const compared = first === "Berth" ? others : [];
  const lines = [["", "goal", ...peers, ...compared.map((name) => `${name} ÷ Berth`), ""]];
  for (const [row, byPeer] of results) {
    const medians = peers.map((peer) => (byPeer.has(peer) ? median(byPeer.get(peer) ?? []) : undefined));
    const own = first === "Berth" ? medians[0] : undefined;
    const ratios = compared.map((_, i) => (own && medians[i + 1] ? `${((medians[i + 1] ?? 0) / own).toFixed(1)}×` : "-"));
    const goal = goalOf(row);
    const verdict = own === undefined || goal === undefined ? "" : own <= goal ? "met" : "MISSED";
    lines.push([row, show(row, goal), ...medians.map((value) => show(row, value)), ...ratios, verdict]);
  }
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines.map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ").trimEnd()).join("\n");
}

/** The same for programs. */
export function renderJson(results: Results): string {
  const rows = [...results].map(([row, byPeer]) => [row, {
    unit: isRatio(row) ? "×" : isMemory(row) ? "KiB" : "ms",
    goal: goalOf(row),
    ...Object.fromEntries([...byPeer].map(([peer, values]) => [peer, { median: median(values), min: Math.min(...values), max: Math.max(...values), values }])),
  }]);
  return `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`;
}
