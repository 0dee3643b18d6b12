// Which architectures the guests of this machine may have.
import { fail } from "../api/errors.ts";
import { hostArchitecture, normalizeArchitecture, runnableArchitectures } from "../../images/metadata.ts";

/** An architecture by its kernel name; this machine's when none is given. Throws `architecture_unsupported` for one that it does not run. */
export function takeArchitecture(given: string | undefined): string {
  const host = hostArchitecture();
  const architecture = normalizeArchitecture(given || host);
  if (!runnableArchitectures().includes(architecture)) throw fail("architecture_unsupported", { architecture: architecture.slice(0, 80), host });
  return architecture;
}
