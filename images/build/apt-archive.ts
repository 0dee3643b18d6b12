// The archive that this machine's own apt uses: what is near and known to answer is the best default.
import { run } from "../../server/host/run.ts";

async function ask(tool: string, args: readonly string[]): Promise<string[]> {
  const { stdout } = await run(tool, args, { timeout: 30_000 }).catch(() => ({ stdout: "" })); // a machine without apt
  return stdout.trim().split("\n").filter(Boolean);
}

/** Lines of a sources.list for a suite of Debian's; none when apt knows no Debian archive. */
export async function debianSources(suite: string, components: readonly string[]): Promise<string[]> {
  const known = await ask("apt-get", ["indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages", "Origin: Debian"]);
  const find = (label: string) => known.find((line) => line.startsWith(`${label} http`))?.split(" ")[1];
  const main = find("Debian");
  if (!main) return [];
  const security = find("Debian-Security");
  const parts = components.join(" ");
  const lines = [`deb ${main} ${suite} ${parts}`];
  if (/^(sid|unstable|experimental)$/.test(suite)) return lines;
  lines.push(`deb ${main} ${suite}-updates ${parts}`);
  if (security) lines.push(`deb ${security} ${suite}-security ${parts}`);
  return lines;
}

/** The machine's proxies, as options of apt. */
export async function transportOptions(): Promise<string[]> {
  const lines = [...await ask("apt-config", ["dump", "--no-empty", "Acquire::http::Proxy"]), ...await ask("apt-config", ["dump", "--no-empty", "Acquire::https::Proxy"])];
  return lines.map((line) => line.replace(/;$/, ""));
}
