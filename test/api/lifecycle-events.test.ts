// Lifecycle events: each change is told with LXD's name for it, the URL of what it happened to, what LXD tells besides, and who did it.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import type { LifecycleMetadata } from "../../server/api/events.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { booted, importImage, launch, uploadOf } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";
import { openSocket } from "./sockets.ts";

let daemon: Daemon;
let socket: WebSocket;
let fingerprint: string;
const told: LifecycleMetadata[] = [];

before(async () => {
  daemon = await startDaemon();
  fingerprint = await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await launch(daemon, "runs");
  await booted(daemon, "runs");
  await daemon.must("POST", "/1.0/instances", { name: "off", source: { type: "none" } });
  await daemon.must("POST", "/1.0/instances/off/snapshots", { name: "s0" });
  socket = new WebSocket(`ws+unix:${daemon.socket}:/1.0/events?type=lifecycle&all-projects=true`);
  socket.on("message", (data) => told.push(JSON.parse(String(data)).metadata));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
});
after(async () => {
  socket?.terminate();
  await daemon?.[Symbol.asyncDispose]();
});

type Told = [action: string, source: string, context?: Record<string, unknown>];
type Row = readonly [method: string, path: string, body: unknown, ...told: Told[]];

const exec = { command: ["true"], "wait-for-websocket": false, interactive: false };
const rootDisk = { root: { type: "disk", path: "/", pool: "default" } };
const image = () => `/1.0/images/${fingerprint}`;

/** In their order: later ones find what earlier ones have made. */
const rows = (): readonly Row[] => [
  ["PATCH", "/1.0", { config: { "user.a": "1" } }, ["config-updated", "/1.0"]],
  ["POST", "/1.0/instances", { name: "new", source: { type: "image", alias: "busybox" } }, ["instance-created", "/1.0/instances/new", { type: "container", "storage-pool": "default" }]],
  ["PATCH", "/1.0/instances/off", { config: { "user.a": "1" } }, ["instance-updated", "/1.0/instances/off"]],
  ["PUT", "/1.0/instances/off", {}, ["instance-updated", "/1.0/instances/off"]],
  ["POST", "/1.0/instances/new", { name: "newer" }, ["instance-renamed", "/1.0/instances/newer", { old_name: "new" }]],
  ["PUT", "/1.0/instances/newer/state", { action: "start" }, ["instance-started", "/1.0/instances/newer"]],
  ["PUT", "/1.0/instances/newer/state", { action: "freeze" }, ["instance-paused", "/1.0/instances/newer"]],
  ["PUT", "/1.0/instances/newer/state", { action: "unfreeze" }, ["instance-resumed", "/1.0/instances/newer"]],
  ["PUT", "/1.0/instances/newer/state", { action: "restart", force: true }, ["instance-restarted", "/1.0/instances/newer"]],
  ["PUT", "/1.0/instances/newer/state", { action: "stop", force: true }, ["instance-stopped", "/1.0/instances/newer"]],
  ["DELETE", "/1.0/instances/newer", undefined, ["instance-deleted", "/1.0/instances/newer"]],
  ["POST", "/1.0/instances/runs/exec", exec, ["instance-exec", "/1.0/instances/runs", { command: ["true"] }]],
  ["GET", "/1.0/instances/runs/console", undefined, ["instance-console-retrieved", "/1.0/instances/runs"]],
  ["DELETE", "/1.0/instances/runs/console", undefined, ["instance-console-reset", "/1.0/instances/runs"]],
  ["POST", "/1.0/instances/runs/files?path=/tmp/a", "text", ["instance-file-pushed", "/1.0/instances/runs", { path: "/tmp/a" }]],
  ["GET", "/1.0/instances/runs/files?path=/tmp/a", undefined, ["instance-file-retrieved", "/1.0/instances/runs", { path: "/tmp/a" }]],
  ["DELETE", "/1.0/instances/runs/files?path=/tmp/a", undefined, ["instance-file-deleted", "/1.0/instances/runs", { path: "/tmp/a" }]],
  ["GET", "/1.0/instances/runs/logs/lxc.log", undefined, ["instance-log-retrieved", "/1.0/instances/runs/logs/lxc.log"]],
  ["DELETE", "/1.0/instances/runs/logs/exec_x.stdout", undefined, ["instance-log-deleted", "/1.0/instances/runs/logs/exec_x.stdout"]],
  ["GET", "/1.0/instances/off/metadata", undefined, ["instance-metadata-retrieved", "/1.0/instances/off/metadata"]],
  ["PATCH", "/1.0/instances/off/metadata", { expiry_date: 1 }, ["instance-metadata-updated", "/1.0/instances/off/metadata"]],
  ["POST", "/1.0/instances/off/metadata/templates?path=a", "text", ["instance-metadata-template-created", "/1.0/instances/off/metadata/templates", { path: "a" }]],
  ["GET", "/1.0/instances/off/metadata/templates?path=a", undefined, ["instance-metadata-template-retrieved", "/1.0/instances/off/metadata/templates", { path: "a" }]],
  ["DELETE", "/1.0/instances/off/metadata/templates?path=a", undefined, ["instance-metadata-template-deleted", "/1.0/instances/off/metadata/templates", { path: "a" }]],
  ["POST", "/1.0/instances/off/snapshots", { name: "s1" }, ["instance-snapshot-created", "/1.0/instances/off/snapshots/s1"]],
  ["PUT", "/1.0/instances/off/snapshots/s1", { expires_at: "2030-01-01T00:00:00Z" }, ["instance-snapshot-updated", "/1.0/instances/off/snapshots/s1"]],
  ["POST", "/1.0/instances/off/snapshots/s1", { name: "s2" }, ["instance-snapshot-renamed", "/1.0/instances/off/snapshots/s2", { old_name: "off/s1" }]],
  ["DELETE", "/1.0/instances/off/snapshots/s2", undefined, ["instance-snapshot-deleted", "/1.0/instances/off/snapshots/s2"]],
  ["PUT", "/1.0/instances/off", { restore: "s0" }, ["instance-restored", "/1.0/instances/off", { snapshot: "off/s0" }]],
  ["POST", "/1.0/profiles", { name: "p" }, ["profile-created", "/1.0/profiles/p"]],
  ["PATCH", "/1.0/profiles/p", { description: "x" }, ["profile-updated", "/1.0/profiles/p"]],
  ["POST", "/1.0/profiles/p", { name: "q" }, ["profile-renamed", "/1.0/profiles/q", { old_name: "p" }]],
  ["DELETE", "/1.0/profiles/q", undefined, ["profile-deleted", "/1.0/profiles/q"]],
  ["POST", "/1.0/networks", { name: "net-a", config: { "ipv4.address": "none", "ipv6.address": "none" } }, ["network-created", "/1.0/networks/net-a"]],
  ["PATCH", "/1.0/networks/net-a", { description: "x" }, ["network-updated", "/1.0/networks/net-a"]],
  ["POST", "/1.0/networks/net-a", { name: "net-b" }, ["network-renamed", "/1.0/networks/net-b", { old_name: "net-a" }]],
  ["DELETE", "/1.0/networks/net-b", undefined, ["network-deleted", "/1.0/networks/net-b"]],
  ["POST", "/1.0/storage-pools", { name: "pool-a", driver: "dir" }, ["storage-pool-created", "/1.0/storage-pools/pool-a"]],
  ["PATCH", "/1.0/storage-pools/pool-a", { description: "x" }, ["storage-pool-updated", "/1.0/storage-pools/pool-a"]],
  ["DELETE", "/1.0/storage-pools/pool-a", undefined, ["storage-pool-deleted", "/1.0/storage-pools/pool-a"]],
  ["POST", "/1.0/images/aliases", { name: "al", target: fingerprint }, ["image-alias-created", "/1.0/images/aliases/al", { target: fingerprint }]],
  ["PATCH", "/1.0/images/aliases/al", { description: "x" }, ["image-alias-updated", "/1.0/images/aliases/al", { target: fingerprint }]],
  ["POST", "/1.0/images/aliases/al", { name: "be" }, ["image-alias-renamed", "/1.0/images/aliases/be", { old_name: "al" }]],
  ["DELETE", "/1.0/images/aliases/be", undefined, ["image-alias-deleted", "/1.0/images/aliases/be"]],
  ["PATCH", image(), { properties: { a: "1" } }, ["image-updated", image()]],
  ["GET", `${image()}/export`, undefined, ["image-retrieved", image()]],
  ["DELETE", image(), undefined, ["image-deleted", image()]],
  ["POST", "/1.0/projects", { name: "shop" }, ["project-created", "/1.0/projects/shop"]],
  ["PATCH", "/1.0/projects/shop", { description: "x" }, ["project-updated", "/1.0/projects/shop"]],
  ["POST", "/1.0/profiles?project=shop", { name: "p" }, ["profile-created", "/1.0/profiles/p?project=shop"]],
  ["DELETE", "/1.0/profiles/p?project=shop", undefined, ["profile-deleted", "/1.0/profiles/p?project=shop"]],
  ["POST", "/1.0/instances?project=shop", { name: "own", source: { type: "none" }, devices: rootDisk }, ["instance-created", "/1.0/instances/own?project=shop", { type: "container", "storage-pool": "default" }]],
  ["POST", "/1.0/instances/own/snapshots?project=shop", { name: "s" }, ["instance-snapshot-created", "/1.0/instances/own/snapshots/s?project=shop"]],
  ["DELETE", "/1.0/instances/own?project=shop", undefined, ["instance-deleted", "/1.0/instances/own?project=shop"]],
  ["POST", "/1.0/projects/shop", { name: "shops" }, ["project-renamed", "/1.0/projects/shops", { old_name: "shop" }]],
  ["DELETE", "/1.0/projects/shops", undefined, ["project-deleted", "/1.0/projects/shops"]],
];

test("each change is told, by its name, of what it happened to, and with who did it", async () => {
  writeFileSync(`${daemon.dir}/logs/runs/exec_x.stdout`, "x");
  for (const [method, path, body, ...expected] of rows()) {
    told.length = 0;
    const reply = await daemon.request(method, path, body);
    assert.ok(reply.status < 400, `${method} ${path}: ${reply.text}`);
    if (reply.status === 202) await daemon.request("GET", `${reply.json.operation}/wait?timeout=30`);
    await eventually(() => told.length >= expected.length, { what: `${method} ${path} is told of` });
    const requestor = { username: "root", protocol: "unix", address: "@" };
    assert.deepEqual(told, expected.map(([action, source, context]) => ({ action, source, requestor, ...(context ? { context } : {}) })), `${method} ${path}`);
  }
});

test("importing an image and attaching to a console are told of", async () => {
  told.length = 0;
  const { body, headers } = uploadOf((await busyboxImages()).unified);
  await daemon.must("POST", "/1.0/images", body, { headers });
  assert.deepEqual(told.map(({ action, source, context }) => [action, source, context]), [["image-created", image(), { type: "container" }]]);
  told.length = 0;
  const { metadata } = (await daemon.request("POST", "/1.0/instances/runs/console", { type: "console", width: 80, height: 24 })).json;
  const sockets = await Promise.all(["0", "control"].map((name) => openSocket(daemon, `/1.0/operations/${metadata.id}/websocket?secret=${metadata.metadata.fds[name]}`)));
  await eventually(() => told.some(({ action, context }) => action === "instance-console" && context?.["type"] === "console"), { what: "the console is told of" });
  for (const one of sockets) one.close();
});

test("a guest that ends by itself has nobody who did it", async () => {
  told.length = 0;
  await daemon.request("POST", "/1.0/instances/runs/exec", { ...exec, command: ["poweroff"] });
  const end = await eventually(() => told.find(({ action }) => action === "instance-shutdown"), { what: "the end is told of" });
  assert.deepEqual(end, { action: "instance-shutdown", source: "/1.0/instances/runs" });
});
