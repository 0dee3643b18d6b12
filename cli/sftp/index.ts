// What needs SFTP: a bundle of its own, loaded when a command asks for it.
export { openSftp, openStream } from "./connect.ts";
export { serveSsh } from "./listen.ts";
export { pullDirectory } from "./pull.ts";
export { pushItems } from "./push.ts";
