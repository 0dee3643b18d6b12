// Dealing out processors: pinned guests have theirs, others get as many as they may use of those with the least to do.

/** The processors in a list such as `0-2,5`. */
export function parseCpus(text: string): number[] {
  const cpus = new Set<number>();
  for (const part of text.trim().split(",").filter(Boolean)) {
    const [first = 0, last = first] = part.split("-").map(Number);
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** The list as the kernel writes it. */
export function formatCpus(cpus: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const cpu of cpus) {
    const last = ranges.at(-1);
    if (last && last[1] === cpu - 1) last[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}

/** A running guest's `limits.cpu`. */
export interface CpuClaim {
  name: string;
  limit: string;
}

const isCount = (limit: string) => /^\d+$/.test(limit);

/** Those of a set that are not to be had; none for a number of processors. */
export function missingCpus(limit: string, available: readonly number[]): number[] {
  return isCount(limit) ? [] : parseCpus(limit).filter((cpu) => !available.includes(cpu));
}

/**
 * Which processors each guest gets, by name. Sets are taken as they are and count as load; then guests that may use a
 * number of processors are served in the order of their names, each the least loaded ones, lower numbers first.
 */
export function balanceCpus(claims: readonly CpuClaim[], available: readonly number[]): Map<string, number[]> {
  const load = new Map(available.map((cpu) => [cpu, 0]));
  const dealt = new Map<string, number[]>();
  const give = (name: string, cpus: number[]) => {
    dealt.set(name, cpus);
    for (const cpu of cpus) load.set(cpu, (load.get(cpu) ?? 0) + 1);
  };
  for (const { name, limit } of claims) {
    if (!isCount(limit)) give(name, parseCpus(limit).filter((cpu) => load.has(cpu)));
  }
  const counted = claims.filter(({ limit }) => isCount(limit)).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, limit } of counted) {
    const least = [...load].sort(([a, loadA], [b, loadB]) => loadA - loadB || a - b);
    give(name, least.slice(0, Number(limit)).map(([cpu]) => cpu).sort((a, b) => a - b));
  }
  return dealt;
}
