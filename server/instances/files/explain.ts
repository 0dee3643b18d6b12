// Failed system calls on a guest's files as errors that say what is in the way.
import { BerthError, fail } from "../../api/errors.ts";
import { hasCode } from "../../host/libc.ts";

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EAGAIN: "a program holds a lease on it",
  EBUSY: "something is mounted there",
  EEXIST: "it exists already",
  EINVAL: "not a valid name",
  EISDIR: "is a directory",
  ELOOP: "too many links, or one that leads out of the instance",
  EXDEV: "a link leads out of the instance",
  ENAMETOOLONG: "the name is too long",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "the directory is not empty",
  EOVERFLOW: "its owner has no id in the instance",
  EROFS: "the file system is read-only",
  ETXTBSY: "the program is running",
  EFBIG: "the file is too large",
};

/** Runs work on a guest's path; throws errors of the table where the path or its file system is at fault. */
export async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BerthError) throw error;
    if (hasCode(error, "ENOENT")) throw fail("file_not_found", { path }, error);
    if (hasCode(error, "ENOSPC", "EDQUOT")) throw fail("disk_full", { path }, error);
    const reason = reasons[String((error as { code?: unknown }).code)];
    throw reason === undefined ? error : fail("file_refused", { path, reason }, error);
  }
}
