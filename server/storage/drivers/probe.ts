// Finds out whether overlays on idmapped layers work here, by making one.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { asContainerRoot } from "../../host/as-container-root.ts";
import { mountIdmapped, mountOverlay, unmountTree } from "../../host/mounts.ts";
import { type IdMap, inUserNamespace, userNamespace } from "../../host/user-namespace.ts";
import { rootIds } from "../../lxc/idmap.ts";

/** Undefined when it works, otherwise what the kernel refused. `folder`: on the file system in question. */
export async function probeOverlay(folder: string, map: IdMap): Promise<string | undefined> {
  const root = `${folder}/.probe`;
  const ids = rootIds(map);
  unmountAll(root);
  rmSync(root, { recursive: true, force: true });
  try {
    for (const name of ["image", "own/upper", "own/work", "lower", "diff", "merged"]) mkdirSync(`${root}/${name}`, { recursive: true });
    writeFileSync(`${root}/image/file`, "");
    const namespace = await userNamespace(map);
    mountIdmapped(`${root}/image`, `${root}/lower`, namespace);
    mountIdmapped(`${root}/own`, `${root}/diff`, namespace);
    mountOverlay({ lower: [`${root}/lower`], upper: `${root}/diff/upper`, work: `${root}/diff/work`, ...ids }, `${root}/merged`);
    asContainerRoot(ids.uid, ids.gid, () => {
      writeFileSync(`${root}/merged/new`, "");
      rmSync(`${root}/merged/file`);
    });
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return inUserNamespace() ? `in a container the kernel does not map the owners of files (${message})` : message;
  } finally {
    unmountAll(root);
    rmSync(root, { recursive: true, force: true });
  }
}

function unmountAll(root: string): void {
  for (const name of ["merged", "lower", "diff"]) unmountTree(`${root}/${name}`);
}
