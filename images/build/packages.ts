// Debian packages into a root file system that is there already, by its own apt.
import { fail } from "../../server/api/errors.ts";
import { transportOptions } from "./apt-archive.ts";
import type { Job } from "./job.ts";
import { runInRoot } from "./sandbox.ts";

const common = ["-q", "-y", "-o", "Acquire::Languages=none", "-o", "Dpkg::Use-Pty=0"];

export async function installPackages(names: readonly string[], created: number, { recipe, rootfs, log, signal }: Job): Promise<void> {
  if (names.length === 0) return;
  if (!rootfs.stat("/usr/bin/apt-get")) throw fail("recipe_no_apt", { packages: names.slice(0, 5).join(" ") });
  log(`installing ${names.join(" ")}`);
  const options = [...common, ...(await transportOptions()).flatMap((option) => ["-o", option.replace(/ "(.*)"$/, "=$1")])];
  for (const words of [["update"], ["--no-install-recommends", "install", "--", ...names]]) {
    const { code, words: last } = await runInRoot(["apt-get", ...options, ...words], { root: rootfs.path, network: true, created, log, signal });
    if (code !== 0) throw fail("recipe_step_failed", { step: `apt-get ${words[0] === "update" ? "update" : "install"}`, place: recipe.placeOf("packages").file, status: code ?? "a signal", words: last });
  }
}

const policyFile = "/usr/sbin/policy-rc.d";
const policy = "#!/bin/sh\nexit 101\n";

/** Keeps packages from starting services while `work` is done; what a network left of name servers goes, too. */
export async function withQuietServices<T>({ rootfs }: Job, work: () => Promise<T>): Promise<T> {
  const quiet = rootfs.stat("/usr/sbin")?.isDirectory() && !rootfs.stat(policyFile);
  if (quiet) rootfs.write(policyFile, policy, { mode: 0o755, uid: 0, gid: 0 });
  try {
    return await work();
  } finally {
    if (quiet && rootfs.read(policyFile) === policy) rootfs.remove(policyFile);
    if (rootfs.readLink("/etc/resolv.conf") === "../run/berth/resolv.conf") rootfs.remove("/etc/resolv.conf");
  }
}
