// What the verbs of all resources work with. Made once, in daemon.ts.
import type { Tokens } from "./certificates/tokens.ts";
import type { Trust } from "./certificates/trust.ts";
import type { Db } from "./db/open.ts";
import type { Proxies } from "./devices/proxy/proxies.ts";
import type { EventHub } from "./events/hub.ts";
import type { GuestEvents } from "./guest-api/events.ts";
import type { GuestSockets } from "./guest-api/sockets.ts";
import type { HttpsListener } from "./https/listener.ts";
import type { Bearers } from "./identities/bearers.ts";
import type { ImageLibrary } from "./image-library/library.ts";
import type { Restarts } from "./instances/autorestart.ts";
import type { Backups } from "./instances/backups/backups.ts";
import type { BusyInstances } from "./instances/busy.ts";
import type { DiskUsage } from "./instances/disk-usage.ts";
import type { Runtime } from "./instances/runtime.ts";
import type { SnapshotStore } from "./instances/snapshots/store.ts";
import type { InstanceStore } from "./instances/store.ts";
import type { Locks } from "./locks.ts";
import type { Networks } from "./managed-networks/networks.ts";
import type { Operations } from "./operations/registry.ts";
import type { Paths } from "./paths.ts";
import type { ProfileStore } from "./profiles/store.ts";
import type { ProjectStore } from "./projects/store.ts";
import type { Settings } from "./settings.ts";
import type { Shutdown } from "./shutdown.ts";
import type { Pools } from "./storage/pools.ts";
import type { Warnings } from "./warnings/warnings.ts";

export interface Context {
  readonly paths: Paths;
  readonly db: Db;
  readonly events: EventHub;
  /** To those who listen in guests. */
  readonly guestEvents: GuestEvents;
  readonly guestSockets: GuestSockets;
  readonly operations: Operations;
  readonly settings: Settings;
  readonly warnings: Warnings;
  /** Whom the server trusts over the network. */
  readonly trust: Trust;
  readonly tokens: Tokens;
  /** Whom it knows by bearer tokens. */
  readonly bearers: Bearers;
  /** Where it serves over the network. */
  readonly https: HttpsListener;
  /** Where it serves metrics and nothing else. */
  readonly metricsHttps: HttpsListener;
  readonly projects: ProjectStore;
  readonly profiles: ProfileStore;
  readonly instances: InstanceStore;
  readonly snapshots: SnapshotStore;
  readonly backups: Backups;
  readonly images: ImageLibrary;
  readonly networks: Networks;
  readonly pools: Pools;
  /** Who listens for whom: proxy devices. */
  readonly proxies: Proxies;
  /** What runs. */
  readonly runtime: Runtime;
  /** By system name of an instance. */
  readonly locks: Locks;
  readonly busy: BusyInstances;
  readonly diskUsage: DiskUsage;
  readonly restarts: Restarts;
  readonly shutdown: Shutdown;
}
