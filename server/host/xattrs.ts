// Extended attributes, of which access control lists are some.
import { getXattr, listXattrs, setXattr } from "./libc.ts";

/** Gives a file the attributes of another, but those that belong to an overlay. */
export function copyXattrs(from: string, to: string): void {
  for (const name of otherXattrs(from)) setXattr(to, name, getXattr(from, name));
}

/** Names of a file's attributes, without those that belong to an overlay. */
export function otherXattrs(path: string): string[] {
  return listXattrs(path).filter((name) => !name.startsWith("trusted.overlay."));
}
