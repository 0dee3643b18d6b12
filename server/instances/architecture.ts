// Which architectures the guests of this machine may have.
import { fail } from "../api/errors.ts";
import { hostArchitecture, normalizeArchitecture } from "../../images/metadata.ts";

/** An architecture by its kernel name; this machine's when none is given. Throws `architecture_unsupported` for one that it does not run. */
export function takeArchitecture(given: string | undefined): string {
  const [architecture, host] = [normalizeArchitecture(given || hostArchitecture()), hostArchitecture()];
  const fits = architecture === host || (host === "x86_64" && architecture === "i686") || (host === "aarch64" && architecture === "armv7l");
  if (!fits) throw fail("architecture_unsupported", { architecture: architecture.slice(0, 80), host });
  return architecture;
}
