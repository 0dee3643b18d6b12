// The daemon: makes everything, starts it in order, and ends it in the opposite order.
import { closeSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { isTrue } from "./api/config-keys/key.ts";
import { readAddresses } from "./api/config-keys/server.ts";
import type { Caller } from "./auth/caller.ts";
import type { Context } from "./context.ts";
import { certificateRoutes } from "./certificates/routes.ts";
import { CertificateStore } from "./certificates/store.ts";
import { Tokens } from "./certificates/tokens.ts";
import { Trust } from "./certificates/trust.ts";
import { openDatabase } from "./db/open.ts";
import { Proxies } from "./devices/proxy/proxies.ts";
import { EventHub } from "./events/hub.ts";
import { GuestEvents } from "./guest-api/events.ts";
import { guestHandlers } from "./guest-api/handle.ts";
import { GuestSockets } from "./guest-api/sockets.ts";
import { type CallerOf, createApp, type Handlers } from "./http/app.ts";
import { callerOf as unixCaller } from "./http/caller-of.ts";
import { RequestStats } from "./http/requests.ts";
import { assertGroup, type Listener, listen, listenForUsers, usualGroup, usualUserGroup } from "./http/listen.ts";
import { onlyPath } from "./http/only-path.ts";
import { confineUsers } from "./http/users.ts";
import { handleUpgrades } from "./http/websockets.ts";
import { readServerCertificate } from "./https/certificate.ts";
import { HttpsListener, type Serving } from "./https/listener.ts";
import { Bearers } from "./identities/bearers.ts";
import { identityRoutes } from "./identities/routes.ts";
import { BearerStore } from "./identities/store.ts";
import { ImageLibrary } from "./image-library/library.ts";
import { imageRoutes } from "./image-library/routes.ts";
import { keepImages } from "./image-library/tasks.ts";
import { readTools } from "./info/environment.ts";
import { serverRoutes } from "./info/routes.ts";
import { Restarts } from "./instances/autorestart.ts";
import { Backups } from "./instances/backups/backups.ts";
import { backupRoutes } from "./instances/backups/routes.ts";
import { keepBackupTimes } from "./instances/backups/task.ts";
import { BusyInstances } from "./instances/busy.ts";
import { DiskUsage } from "./instances/disk-usage.ts";
import { instanceEnded } from "./instances/on-end.ts";
import { autostart, recoverInstances } from "./instances/recover.ts";
import { metadataRoutes } from "./instances/metadata/routes.ts";
import { instanceRoutes } from "./instances/routes.ts";
import { openSftp } from "./instances/sftp.ts";
import { Runtime } from "./instances/runtime.ts";
import { snapshotRoutes } from "./instances/snapshots/routes.ts";
import { keepSnapshotTimes } from "./instances/snapshots/task.ts";
import { SnapshotStore } from "./instances/snapshots/store.ts";
import { InstanceStore } from "./instances/store.ts";
import { Locks } from "./locks.ts";
import { explain, log } from "./log.ts";
import { mountMissingCgroups } from "./lxc/cgroup-mounts.ts";
import { StopHooks } from "./lxc/hooks.ts";
import { readIdMap } from "./lxc/idmap.ts";
import { ensureLxcfs, stopOwnLxcfs } from "./lxc/lxcfs.ts";
import { Networks } from "./managed-networks/networks.ts";
import { networkRoutes } from "./managed-networks/routes.ts";
import { metricsRoutes } from "./metrics/routes.ts";
import { Operations } from "./operations/registry.ts";
import { operationRoutes } from "./operations/routes.ts";
import { takeLock } from "./own-folder.ts";
import { Paths } from "./paths.ts";
import { profileRoutes } from "./profiles/routes.ts";
import { ProfileStore } from "./profiles/store.ts";
import { guardOwners } from "./projects/guard.ts";
import { projectRoutes } from "./projects/routes.ts";
import { ProjectStore } from "./projects/store.ts";
import { enterProject } from "./projects/user-project.ts";
import { pagePolicy, Settings } from "./settings.ts";
import { Shutdown } from "./shutdown.ts";
import { Pools } from "./storage/pools.ts";
import { storageRoutes } from "./storage/routes.ts";
import { warnOfMachine } from "./warnings/machine.ts";
import { warningRoutes } from "./warnings/routes.ts";
import { Warnings } from "./warnings/warnings.ts";
import { berthVersion } from "./info/version.ts";

export interface DaemonOptions {
  /** $BERTH_DIR. */
  directory: string;
  /** Group that may use the socket. */
  group: string;
  /** Group whose members may use the socket for users, each in a project of its own. */
  userGroup: string;
}

export interface Daemon {
  /** Ends the daemon; what runs goes on running. Left to the shutdown when that has begun. */
  stop(): void;
  /** Stops all instances, then the daemon. */
  shutDown(): void;
  /** Resolves once it has ended, on whoever's wish. */
  readonly ended: Promise<void>;
}

function makeContext(paths: Paths, hooks: StopHooks): Context {
  const db = openDatabase(paths.database);
  const events = new EventHub();
  const settings = new Settings(db);
  const certificate = readServerCertificate(paths);
  const guestEvents = new GuestEvents();
  const warnings = new Warnings(db);
  const projects = new ProjectStore(db);
  const context: Context = {
    paths, db, events, guestEvents, warnings,
    guestSockets: new GuestSockets(paths, guestHandlers(() => context, guestEvents)),
    operations: new Operations(events),
    settings,
    trust: new Trust(new CertificateStore(db), {
      openMetrics: () => !isTrue(settings.get("core.metrics_authentication")),
      hasAuthority: certificate.authority !== undefined,
      trustsSigned: () => isTrue(settings.get("core.trust_ca_certificates")),
    }),
    tokens: new Tokens(),
    bearers: new Bearers(new BearerStore(db)),
    https: new HttpsListener(certificate, 8443),
    metricsHttps: new HttpsListener(certificate, 9100),
    projects,
    profiles: new ProfileStore(db, projects),
    instances: new InstanceStore(db),
    snapshots: new SnapshotStore(db),
    backups: new Backups(db, paths),
    images: new ImageLibrary(db, paths, projects),
    networks: new Networks(db, paths, warnings),
    pools: new Pools(db, paths, readIdMap, warnings),
    proxies: new Proxies(paths.proxies),
    runtime: new Runtime(() => hooks.hear(), (...end) => instanceEnded(context, ...end)),
    locks: new Locks(),
    busy: new BusyInstances(),
    diskUsage: new DiskUsage(),
    restarts: new Restarts(),
    shutdown: new Shutdown(paths),
  };
  return context;
}

async function makeHandlers(ctx: Context, stats: RequestStats): Promise<Handlers> {
  return guardOwners(ctx, {
    ...serverRoutes(ctx, await readTools()), ...certificateRoutes(ctx), ...identityRoutes(ctx), ...operationRoutes(ctx.operations, ctx.events), ...instanceRoutes(ctx), ...snapshotRoutes(ctx), ...metadataRoutes(ctx), ...backupRoutes(ctx),
    ...imageRoutes(ctx), ...networkRoutes(ctx), ...profileRoutes(ctx), ...projectRoutes(ctx), ...storageRoutes(ctx),
    ...warningRoutes(ctx), ...metricsRoutes(ctx, stats),
  } as unknown as Handlers);
}

/** As in LXD, a certificate that is trusted goes before a token, and who comes by a socket of this machine needs neither. */
function whoMakes(ctx: Context, { socket, headers }: IncomingMessage): Caller {
  const shown = ctx.trust.callerOf(socket);
  if (!shown) return unixCaller(socket);
  return shown.trusted ? shown : (ctx.bearers.callerOf(socket, headers.authorization, shown.requestor.address) ?? shown);
}

/** Starts a daemon and resolves once it serves. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const paths = new Paths(options.directory);
  assertGroup(options.group, usualGroup); // before anything is started that would be left running
  assertGroup(options.userGroup, usualUserGroup);
  paths.make();
  const hooks = new StopHooks(paths); // before the lock: who holds it has refused reboots to liblxc, and must hear of them
  const lock = await takeLock(paths);
  hooks.listen(paths, (notice) => void ctx.runtime.noticeStop(notice));
  mountMissingCgroups();
  const ctx = makeContext(paths, hooks);
  await ctx.images.clean();
  ctx.backups.clean();
  await Promise.all([ctx.pools.open(), ctx.networks.open(), ensureLxcfs(paths.lxcfs)]);
  await recoverInstances(ctx);
  await ctx.warnings.watch("proxies_failed", {}, () => ctx.proxies.recover()).catch((error) => log.error("proxy devices could not be recovered", { error: explain(error) }));
  const callerOf: CallerOf = (request) => whoMakes(ctx, request);
  const pages = () => pagePolicy(ctx.settings);
  const stats = new RequestStats();
  const app = createApp(await makeHandlers(ctx, stats), { callerOf, pages, stats, isShuttingDown: () => ctx.shutdown.begun });
  await app.ready();
  const upgrade = handleUpgrades({ events: ctx.events, operations: ctx.operations, sftp: (...given) => openSftp(ctx, ...given), callerOf, pages, serve: app.routing });
  const listener: Listener = await listen(app.routing, upgrade, paths.socket, options.group);
  const users = confineUsers({ handler: app.routing, upgrade }, (user) => enterProject(ctx, user));
  const userListener = await listenForUsers(users.handler, users.upgrade, paths.userSocket, options.userGroup);
  const serving: Serving = {
    handler: app.routing, upgrade, connected: (...given) => ctx.trust.meet(...given), trustedProxies: () => readAddresses(ctx.settings.get("core.https_trusted_proxy")),
  };
  await ctx.https.start(serving, ctx.settings.get("core.https_address"));
  await ctx.metricsHttps.start({ ...serving, ...onlyPath("/1.0/metrics", app.routing) }, ctx.settings.get("core.metrics_address"));
  log.info("berthd serves", { version: berthVersion, socket: paths.socket, running: ctx.runtime.count });
  warnOfMachine(ctx);
  void autostart(ctx).catch((error) => log.error("autostart failed", { error: explain(error) }));

  const endings = [keepSnapshotTimes(ctx), keepBackupTimes(ctx), keepImages(ctx)];
  const end = async () => {
    for (const endTimes of endings) endTimes();
    await ctx.operations.close(Number(ctx.settings.all()["core.shutdown_timeout"] ?? 5) * 60_000);
    await Promise.all([listener.close(), userListener?.close(), ctx.https.close(), ctx.metricsHttps.close()]);
    ctx.guestSockets.closeAll();
    hooks.close();
    ctx.restarts.close();
    await ctx.networks.close();
    ctx.proxies.close();
    if (ctx.runtime.count === 0) stopOwnLxcfs(paths.lxcfs);
    log.info("berthd has stopped", { running: ctx.runtime.count });
    ctx.runtime.close();
    ctx.events.close();
    ctx.db.close();
    closeSync(lock);
  };
  return {
    stop: () => ctx.shutdown.leaveRunning(),
    shutDown: () => void ctx.shutdown.run(ctx).catch((error) => log.info("already stopping", { error: explain(error) })),
    ended: ctx.shutdown.done.then(end),
  };
}
