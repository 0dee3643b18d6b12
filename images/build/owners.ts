// Owners of files, by number or by the names that the root file system itself has.
import { type Place, recipeError } from "./document.ts";
import type { Rootfs } from "./rootfs.ts";

/** passwd and group alike: name, password, id, … */
function idOf(rootfs: Rootfs, file: string, name: string): { id: number; group: number } | undefined {
  if (/^\d{1,10}$/.test(name) && Number(name) < 4_294_967_295) return { id: Number(name), group: Number(name) };
  const fields = (rootfs.read(file) ?? "").split("\n").map((line) => line.split(":")).find(([first]) => first === name);
  const [id, group] = [Number(fields?.[2] || Number.NaN), Number(fields?.[3] || Number.NaN)];
  return Number.isInteger(id) ? { id, group } : undefined;
}

/** `user` has its own group, `user:group` that one. */
export function resolveOwner(rootfs: Rootfs, owner: string | undefined, place: Place): { uid: number; gid: number } {
  if (owner === undefined) return { uid: 0, gid: 0 };
  const [userName = "", groupName] = owner.split(":");
  const user = idOf(rootfs, "/etc/passwd", userName);
  if (!user) throw recipeError(place, `the root file system has no user "${userName}"`);
  if (groupName === undefined) return { uid: user.id, gid: user.group };
  const group = idOf(rootfs, "/etc/group", groupName);
  if (!group) throw recipeError(place, `the root file system has no group "${groupName}"`);
  return { uid: user.id, gid: group.id };
}
