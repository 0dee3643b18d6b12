// Where things lie below $BERTH_DIR. The layout is LXD's where people and scripts look.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { fail } from "./api/errors.ts";

export class Paths {
  readonly root: string;

  /** Throws when the directory's name could not stand in liblxc's or dnsmasq's configuration as it is. */
  constructor(root: string) {
    if (!/^\/[\w.\-/]*$/.test(root) || root.length > 80) {
      throw fail("bad_request", {
        reason: `BERTH_DIR must be an absolute path of at most 80 letters, digits and ._-/, not "${root}"`,
      });
    }
    this.root = path.normalize(root).replace(/\/$/, "");
  }

  get socket(): string {
    return `${this.root}/unix.socket`;
  }
  /** For users who are confined to a project of their own. */
  get userSocket(): string {
    return `${this.root}/unix-user.socket`;
  }
  get database(): string {
    return `${this.root}/database/berth.db`;
  }
  /** Which run of the machine the last daemon worked in. */
  get machineRun(): string {
    return `${this.root}/database/machine-run`;
  }
  /** Whom the last daemon stopped because the machine went down. */
  get stoppedWithHost(): string {
    return `${this.root}/database/stopped-with-host`;
  }
  get serverCertificate(): string {
    return `${this.root}/server.crt`;
  }
  get serverKey(): string {
    return `${this.root}/server.key`;
  }
  /** The authority that signs clients' certificates, in an installation that has one, and its list of those that are good no longer. */
  get authority(): string {
    return `${this.root}/server.ca`;
  }
  get revoked(): string {
    return `${this.root}/ca.crl`;
  }
  get lock(): string {
    return `${this.root}/berthd.lock`;
  }
  /** Where hooks of containers report to. */
  get hookFifo(): string {
    return `${this.root}/hooks/events`;
  }
  get stopHook(): string {
    return `${this.root}/hooks/post-stop`;
  }
  /** liblxc's folder of containers; each is a link into its pool. */
  get containers(): string {
    return `${this.root}/containers`;
  }
  get images(): string {
    return `${this.root}/images`;
  }
  /** What can be fetched again: lists of images. */
  get cache(): string {
    return `${this.root}/cache`;
  }
  get pools(): string {
    return `${this.root}/storage-pools`;
  }
  /** The file that holds the file system of a pool. */
  disk(pool: string): string {
    return `${this.root}/disks/${pool}.img`;
  }
  /** Of instances, named by id. */
  get backups(): string {
    return `${this.root}/backups`;
  }
  get networks(): string {
    return `${this.root}/networks`;
  }
  get security(): string {
    return `${this.root}/security/seccomp`;
  }
  /** Of the program that serves proxy devices; there while it runs. */
  get proxies(): string {
    return `${this.root}/proxies`;
  }
  get lxcfs(): string {
    return `${this.root}/lxcfs`;
  }
  /** What guests see as /dev/lxd: a folder for each instance that runs, by its id. */
  get guests(): string {
    return `${this.root}/devlxd`;
  }
  guestFolder(id: number): string {
    return `${this.guests}/${id}`;
  }
  pool(pool: string): string {
    return `${this.pools}/${pool}`;
  }
  logs(name: string): string {
    return `${this.root}/logs/${name}`;
  }
  devices(name: string): string {
    return `${this.root}/devices/${name}`;
  }

  /** Makes the folders; those that a container's root passes through let others pass, but not look. */
  make(): void {
    for (const open of [this.root, this.containers, this.pools, this.networks, this.guests, `${this.root}/devices`, `${this.root}/shmounts`]) {
      mkdirSync(open, { recursive: true, mode: 0o711 });
    }
    for (const closed of [`${this.root}/database`, `${this.root}/disks`, `${this.root}/hooks`, this.images, `${this.root}/logs`, this.security]) {
      mkdirSync(closed, { recursive: true, mode: 0o700 });
    }
  }
}

/** The name of an instance outside the API: on disk, for liblxc, in logs. */
export function systemName(project: string, name: string): string {
  return project === "default" ? name : `${project}_${name}`;
}
