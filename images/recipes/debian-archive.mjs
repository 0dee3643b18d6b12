// Where the Debian image takes its packages from: the archive that this machine's own apt uses.
import { spawnSync } from "node:child_process";

function ask(command, args) {
  const result = spawnSync(command, args, { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim().split("\n").filter(Boolean) : [];
}

/** Lines of a sources.list for a suite; none when apt knows no Debian archive: mmdebstrap then takes its default. */
export function sources(suite) {
  const known = ask("apt-get", ["indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages", "Origin: Debian"]);
  const find = (label) => known.find((line) => line.startsWith(`${label} http`))?.split(" ")[1];
  const main = find("Debian");
  if (!main) return [];
  const security = find("Debian-Security");
  const lines = [`deb ${main} ${suite} main`, `deb ${main} ${suite}-updates main`];
  if (security) lines.push(`deb ${security} ${suite}-security main`);
  return lines;
}

/** The machine's proxies, as options of apt. */
export function transportOptions() {
  const lines = ask("apt-config", ["dump", "--no-empty", "Acquire::http::Proxy"]);
  return [...lines, ...ask("apt-config", ["dump", "--no-empty", "Acquire::https::Proxy"])].map((line) => line.replace(/;$/, ""));
}
