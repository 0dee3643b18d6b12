// berth-sftp: serves the files of one instance over SFTP. berthd starts one for each session, with the connection as
// standard input and the instance's root folder as descriptor 3: what a guest's file systems do to a reader (a FUSE server
// that never answers, say) holds up this process and not the daemon.
import { Socket } from "node:net";
import { getCapabilities, setCapabilities, setFsIds } from "../host/libc.ts";
import type { IdMap } from "../host/user-namespace.ts";
import { rootIds } from "../lxc/idmap.ts";
import { GuestFiles } from "./files.ts";
import { serveRequests } from "./requests.ts";

const rootFd = 3;

/** New files belong to the guest's root, and an overlay works with the ids of whoever uses it. */
function becomeGuestRoot(map: IdMap): void {
  const { uid, gid } = rootIds(map);
  const capabilities = getCapabilities();
  setFsIds(uid, gid); // drops file capabilities from the effective set
  setCapabilities(capabilities);
}

const map = JSON.parse(process.argv[2] ?? "{}") as IdMap;
process.umask(0);
becomeGuestRoot(map);
const connection = new Socket({ fd: 0, readable: true, writable: true });
serveRequests(connection, new GuestFiles(rootFd, map));
connection.once("close", () => process.exit(0));
