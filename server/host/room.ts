// A room: a folder in memory in which some of a pool's files are shown for a while. What lies in it beside them is bounded, and all
// of it goes with one unmount, whoever does it.
import { chownSync, closeSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { MOUNT_ATTR, MS, mount, moveMount, openTree, setMountAttributes } from "./libc.ts";
import { removeMountPoint } from "./mounts.ts";

/** What programs need to run: of Debian's top folders some are links. */
const programFolders = ["usr", "lib", "lib64", "bin"];

export class Room implements Disposable {
  readonly root: string;

  /** `root`: a folder to be made. */
  constructor(root: string) {
    this.root = root;
    mkdirSync(root, { recursive: true });
    mount("tmpfs", root, "tmpfs", MS.NOSUID | MS.NODEV, "size=64m,nr_inodes=65536,mode=0711");
  }

  /** Makes a folder in it, with its parents; gives its path. */
  folder(name: string): string {
    const made = path.join(this.root, name);
    mkdirSync(made, { recursive: true, mode: 0o755 });
    return made;
  }

  /** Writes a file that belongs to these ids. */
  write(name: string, text: string, owner: { uid: number; gid: number }): void {
    const file = path.join(this.root, name);
    writeFileSync(file, text, { mode: 0o400 });
    chownSync(file, owner.uid, owner.gid);
  }

  /** Shows a folder in it. */
  show(source: string, name: string, readOnly: boolean): void {
    const target = this.folder(name);
    const tree = openTree(source);
    try {
      setMountAttributes(tree, { set: MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | (readOnly ? MOUNT_ATTR.RDONLY : 0) });
      moveMount(tree, target);
    } finally {
      closeSync(tree);
    }
  }

  /** Brings the machine's programs in, so that one of them can be locked up in the room. */
  showPrograms(): void {
    for (const name of programFolders) {
      const there = lstatSync(`/${name}`, { throwIfNoEntry: false });
      if (there?.isSymbolicLink()) symlinkSync(readlinkSync(`/${name}`), path.join(this.root, name));
      else if (there) this.show(`/${name}`, name, true);
    }
    writeFileSync(path.join(this.folder("dev"), "null"), "", { mode: 0o444 }); // shells want to read from it
  }

  [Symbol.dispose](): void {
    removeMountPoint(this.root);
  }
}
