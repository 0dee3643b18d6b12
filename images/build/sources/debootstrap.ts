// A Debian or Ubuntu from its archive, by mmdebstrap or debootstrap.
import { existsSync } from "node:fs";
import { fail } from "../../../server/api/errors.ts";
import { findProgram } from "../../../server/host/run.ts";
import { debianSources, transportOptions } from "../apt-archive.ts";
import type { Beginning, Job } from "../job.ts";
import type { Source } from "../recipe-schema.ts";
import { runStreamed } from "../stream.ts";
import { newestFile } from "../times.ts";

/** Ubuntu's releases by their first letters' turn; whatever is not among them is taken for Debian's. */
const ubuntuSuites = /^(xenial|bionic|focal|jammy|kinetic|lunar|mantic|noble|oracular|plucky|questing|resolute)\b/;
const ubuntuKeyring = "/usr/share/keyrings/ubuntu-archive-keyring.gpg";

const debianNames: Readonly<Record<string, string>> = { x86_64: "amd64", i686: "i386", aarch64: "arm64", armv7l: "armhf", ppc64le: "ppc64el" };

export interface Plan {
  tool: "mmdebstrap" | "debootstrap";
  args: string[];
}

export interface Surroundings {
  /** Lines of a sources.list, from this machine's apt. */
  archive: readonly string[];
  /** Options of apt. */
  transport: readonly string[];
  /** Whether debootstrap has a script of the suite's own. */
  hasScript: boolean;
}

/** The command line that makes a root file system at `root`. */
export function planBootstrap(source: Source<"debootstrap">, packages: readonly string[], root: string, architecture: string | undefined, { archive, transport, hasScript }: Surroundings): Plan {
  const ubuntu = ubuntuSuites.test(source.suite);
  const components = source.components ?? (ubuntu ? ["main", "universe"] : ["main"]);
  const mirror = source.mirror ?? (ubuntu ? "http://archive.ubuntu.com/ubuntu" : undefined);
  const keyring = source.keyring ?? (ubuntu ? ubuntuKeyring : undefined);
  const arch = architecture && (debianNames[architecture] ?? architecture);
  const variant = source.variant ?? "minbase";
  if (source.tool === "debootstrap") {
    const known = archive[0]?.split(" ")[1];
    return {
      tool: "debootstrap",
      args: [
        ...(variant === "important" || variant === "required" ? [] : [`--variant=${variant}`]), ...(arch ? [`--arch=${arch}`] : []),
        ...(keyring ? [`--keyring=${keyring}`] : []), `--components=${components.join(",")}`,
        ...(packages.length > 0 ? [`--include=${packages.join(",")}`] : []), source.suite, root, mirror ?? known ?? "http://deb.debian.org/debian",
        ...(hasScript ? [] : [ubuntu ? "gutsy" : "sid"]), // what it has for all newer ones
      ],
    };
  }
  const excludes = source.exclude ?? [];
  return {
    tool: "mmdebstrap",
    args: [
      `--variant=${variant}`, "--mode=root", "--format=directory", "--skip=cleanup/apt/lists", // their date is the image's
      `--components=${components.join(",")}`, ...(arch ? [`--architectures=${arch}`] : []), ...(keyring ? [`--keyring=${keyring}`] : []),
      ...(packages.length > 0 ? [`--include=${packages.join(",")}`] : []),
      ...excludes.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      ...(excludes.length > 0 ? ["--dpkgopt=path-include=/usr/share/doc/*/copyright"] : []),
      ...transport.map((option) => `--aptopt=${option}`),
      source.suite, root, ...(mirror ? [mirror] : archive),
    ],
  };
}

/** When the archive was last changed, by the lists that were read. */
function archiveDate({ rootfs }: Job): number | undefined {
  const dates = rootfs.list("/var/lib/apt/lists")
    .filter((name) => /_(In)?Release$/.test(name))
    .map((name) => Date.parse(/^Date: (.+)$/m.exec(rootfs.read(`/var/lib/apt/lists/${name}`) ?? "")?.[1] ?? ""))
    .filter((date) => !Number.isNaN(date));
  return dates.length > 0 ? Math.floor(Math.max(...dates) / 1000) : undefined;
}

/** The machine's proxies for debootstrap, which knows nothing of apt's configuration. */
export function proxyVariables(transport: readonly string[]): Record<string, string> {
  return Object.fromEntries(transport.flatMap((line) => {
    const [, scheme, url] = /^Acquire::(https?)::Proxy "(.+)"$/.exec(line) ?? [];
    return scheme && url ? [[`${scheme}_proxy`, url]] : [];
  }));
}

const unreachable = /^E: .*(Failed to fetch|Failed getting release file|Could not (connect|resolve)|Temporary failure resolving)/;

/** What a tool that has failed said, as an error that tells the way out where there is one. */
function explainFailure(tool: string, args: readonly string[], words: string): Error {
  const line = words.split("\n").find((one) => unreachable.test(one));
  const [, url = args.find((arg) => /^https?:/.test(arg)) ?? ""] = /(https?:\/\/\S+?)\/dists\//.exec(line ?? "") ?? [];
  return line ? fail("recipe_archive_unreachable", { url, reason: line.replace(/^E: /, "") }) : fail("tool_failed", { tool, reason: words });
}

export async function beginWithDebootstrap(source: Source<"debootstrap">, job: Job): Promise<Beginning> {
  const { recipe, rootfs, log, signal } = job;
  const packages = recipe.packages ?? [];
  const components = source.components ?? ["main"];
  const archive = source.mirror || ubuntuSuites.test(source.suite) ? [] : await debianSources(source.suite, components);
  const transport = await transportOptions();
  const hasScript = existsSync(`/usr/share/debootstrap/scripts/${source.suite}`);
  const { tool, args } = planBootstrap(source, packages, rootfs.path, recipe.architecture, { archive, transport, hasScript });
  const keyring = args.find((arg) => arg.startsWith("--keyring="))?.slice("--keyring=".length);
  if (keyring && !existsSync(keyring)) throw fail("recipe_keyring_missing", { file: keyring, suite: source.suite, package: keyring === ubuntuKeyring ? "ubuntu-keyring" : "the package that has it" });
  findProgram(tool);
  log(`installing ${source.suite} with ${tool}`);
  const { code, words } = await runStreamed(tool, args, { log, env: { ...proxyVariables(transport), DEBIAN_FRONTEND: "noninteractive" }, signal });
  if (code !== 0) throw explainFailure(tool, args, words || `exit status ${code ?? "none: a signal ended it"}`);
  return { created: archiveDate(job) ?? await newestFile(rootfs.path), installed: packages };
}
