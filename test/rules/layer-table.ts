// Who may import whom, and why: the table of ARCHITECTURE as data. The first row whose `from` fits a module is its row.

export interface Layer {
  /** Beginnings of paths. */
  readonly from: readonly string[];
  /** What of the project it may import, besides itself: beginnings of paths. */
  readonly may: readonly string[];
  /** These only as types. */
  readonly types?: readonly string[];
  /** Packages and parts of Node it may not import; absent: any. */
  readonly notPackages?: RegExp;
  readonly because: string;
}

const below = ["server/api/", "server/host/", "server/log.ts", "server/paths.ts", "server/locks.ts", "server/undo.ts"];

export const layers: readonly Layer[] = [
  {
    from: ["server/api/"], may: [], notPackages: /^(?!(typebox|ipaddr\.js)$)/,
    because: "the contract is loaded by the client and a browser: itself and packages that run anywhere, nothing of Node or of the server",
  },
  {
    from: ["server/host/"], may: ["server/api/errors.ts", "server/log.ts"], notPackages: /^(fastify|better-sqlite3|typebox|ws|ink|react)$/,
    because: "the seam to the operating system knows no HTTP, no database and nothing of containers",
  },
  {
    from: ["server/log.ts", "server/paths.ts", "server/locks.ts", "server/undo.ts"], may: below, notPackages: /^(fastify|better-sqlite3)$/,
    because: "everybody imports these, so they import next to nothing",
  },
  {
    from: ["images/main.ts"], may: ["server/api/errors.ts", "images/"], notPackages: /^(fastify|better-sqlite3|ws)$/,
    because: "the program berth-images, which the client starts: what it does stands in the library, and the client knows it by its name only",
  },
  {
    from: ["images/", "networks/"], may: ["server/api/", "server/host/", "server/log.ts"], notPackages: /^(fastify|better-sqlite3|ws)$/,
    because: "libraries without HTTP and database: usable and testable by themselves",
  },
  {
    from: ["server/db/"], may: below, notPackages: /^(fastify|ws|node:http)$/,
    because: "the database knows rows, not requests or containers",
  },
  {
    from: ["server/lxc/", "server/devices/"],
    may: [...below, "images/", "networks/", "server/lxc/", "server/devices/", "server/storage/"],
    notPackages: /^(fastify|better-sqlite3|ws|node:http)$/,
    because: "they get values, not rows or requests",
  },
  {
    from: ["server/storage/drivers/", "server/storage/driver.ts"],
    may: [...below, "images/", "server/storage/", "server/lxc/idmap.ts"],
    notPackages: /^(fastify|better-sqlite3|ws|node:http)$/,
    because: "a storage driver gets values (an id map is one), not rows or requests",
  },
  {
    from: ["server/http/"],
    may: [...below, "server/auth/caller.ts", "server/operations/", "server/events/", "server/http/"],
    notPackages: /^(better-sqlite3|node:child_process)$/,
    because: "the HTTP layer turns endpoints into routes; what they do is the resources' business",
  },
  {
    from: ["server/main.ts", "server/daemon.ts"], may: ["server/", "images/", "networks/"],
    because: "the composition root puts everything in the server together",
  },
  {
    from: ["server/"], may: ["server/", "images/", "networks/"], notPackages: /^(fastify|ink|react)$/,
    because: "handlers take arguments and return data: only server/http knows fastify",
  },
  {
    from: ["cli/"], may: ["server/api/", "server/https/make-certificate.ts", "server/https/der.ts", "cli/"], notPackages: /^(fastify|better-sqlite3|koffi)$/,
    because: "the client has the rights of any remote client: it knows the contract and nothing else of the server; how a certificate is written is no secret of either",
  },
];

/** Where other programs may be started, and why there. Elsewhere `run` of server/host/run.ts does it. */
export const mayStartPrograms: Readonly<Record<string, string>> = {
  "server/host/": "the seam to the operating system",
  "server/lxc/start.ts": "the monitor of a container outlives the daemon",
  "server/lxc/lxcfs.ts": "lxcfs outlives the daemon",
  "server/lxc/attach.ts": "commands in containers: terminals and pipes are handed over as file descriptors",
  "server/storage/programs.ts": "programs that stream files of pools: two with a pipe between them, or one locked up in a room",
  "networks/dnsmasq/process.ts": "dnsmasq outlives the daemon",
  "images/byte-source.ts": "bytes stream through a decompressor",
  "images/build/stream.ts": "output of builds is shown while it comes, and read from a real pipe",
  "images/compressor.ts": "bytes stream through a compressor",
  "images/pack.ts": "a root file system streams out of tar",
  "images/extract.ts": "a tarball streams through a decompressor into tar",
  "cli/": "the client starts the user's editor and pager, and berth-images, with the user's rights and environment",
};
