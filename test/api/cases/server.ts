// Cases of the endpoints about the server, its events and its operations.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { eventEndpoints } from "../../../server/api/events.ts";
import type { operationEndpoints } from "../../../server/api/operations.ts";
import type { serverEndpoints } from "../../../server/api/server.ts";
import { openSocket } from "../sockets.ts";
import type { Case, World } from "./case.ts";

export const serverCases = {
  listVersions: { good: { path: "/" }, check: (list) => assert.deepEqual(list, ["/1.0"]), bad: "refuses nothing" },
  getServer: {
    good: { path: "/1.0" },
    check: (server, { daemon }) => {
      assert.deepEqual(Object.keys(server), ["config", "api_extensions", "api_status", "api_version", "auth", "public", "auth_methods", "auth_user_name", "auth_user_method", "environment"]);
      const { environment } = server;
      assert.deepEqual([server.api_status, server.api_version, server.auth, server.public], ["stable", "1.0", "trusted", false]);
      assert.deepEqual([environment.server, environment.server_version, environment.server_pid], ["lxd", "5.0.2", daemon.pid]);
      assert.deepEqual(environment.storage_supported_drivers, ["dir", "btrfs"].map((Name) => ({ Name, Version: "1", Remote: false })));
    },
    bad: "refuses nothing",
  },
  replaceServerConfig: {
    good: { path: "/1.0", body: { config: { "user.a": "1" } } },
    check: async (_, { daemon }) => assert.deepEqual((await daemon.must("GET", "/1.0")).config, { "user.a": "1" }),
    bad: { path: "/1.0", body: { config: { "core.shutdown_timeot": "1" } }, status: 400, error: 'Unknown configuration key: core.shutdown_timeot (did you mean "core.shutdown_timeout"?)' },
  },
  patchServerConfig: {
    prepare: ({ daemon }) => daemon.must("PUT", "/1.0", { config: { "user.a": "1", "user.b": "2" } }),
    good: { path: "/1.0", body: { config: { "user.a": "", "core.shutdown_timeout": 7 } } },
    check: async (_, { daemon }) => assert.deepEqual((await daemon.must("GET", "/1.0")).config, { "core.shutdown_timeout": "7", "user.b": "2" }),
    bad: { path: "/1.0", body: { config: { "core.shutdown_timeout": "soon" } }, status: 400, error: 'Invalid value for "core.shutdown_timeout": "soon": expected a whole number' },
  },
  shutDown: { good: "it ends the daemon: see system/shutdown.test.ts", bad: "refuses nothing" },
  getResources: {
    good: { path: "/1.0/resources" },
    check: (resources) => {
      const { cpu, memory, storage } = resources;
      assert.deepEqual(Object.keys(resources), ["cpu", "memory", "gpu", "network", "storage", "usb", "pci", "system"]);
      assert.ok(cpu.total >= availableParallelism() && cpu.sockets[0].cores[0].threads[0].online, JSON.stringify(cpu));
      assert.ok(memory.total > memory.used && memory.used > 0, JSON.stringify(memory));
      for (const { id, size } of storage.disks) assert.equal(size, Number(readFileSync(`/sys/class/block/${id}/size`, "utf8")) * 512);
    },
    bad: "refuses nothing",
  },
} satisfies Record<keyof typeof serverEndpoints, Case>;

export const eventCases = {
  streamEvents: {
    good: { path: "/1.0/events?type=lifecycle" },
    bad: { path: "/1.0/events?type=lifecycle,gossip", status: 400, error: '"gossip" isn\'t a supported event type' },
  },
} satisfies Record<keyof typeof eventEndpoints, Case>;

/** An exec that waits for its websockets: an operation that goes on until they come. */
async function waitingExec({ daemon }: World) {
  const reply = await daemon.request("POST", "/1.0/instances/runs/exec", { command: ["true"], "wait-for-websocket": true, interactive: true });
  return reply.json.metadata as { id: string; metadata: { fds: Record<string, string> } };
}

const ended = async ({ daemon }: World): Promise<string> => (await daemon.must("PUT", "/1.0/instances/off", {})).id;

export const operationCases = {
  listOperations: {
    prepare: ended,
    good: { path: "/1.0/operations" },
    check: ({ success }) => assert.match(success[0], /^\/1\.0\/operations\/[0-9a-f-]{36}$/),
    bad: "refuses nothing",
  },
  getOperation: {
    good: async (world) => ({ path: `/1.0/operations/${await ended(world)}` }),
    check: ({ status, description }) => assert.deepEqual([status, description], ["Success", "Updating instance"]),
    bad: { path: "/1.0/operations/c5ba0f2d-3f43-4f76-9d0e-8a6a0f8a3a11", status: 404, error: "Operation not found" },
  },
  deleteOperation: {
    good: async ({ daemon, fingerprint }) => ({ path: (await daemon.request("POST", `/1.0/images/${fingerprint}/secret`)).json.operation }),
    bad: { path: "/1.0/operations/nope", status: 404, error: "Operation not found" },
  },
  waitOperation: {
    good: async (world) => ({ path: `/1.0/operations/${await ended(world)}/wait?timeout=5` }),
    check: ({ status_code: code }) => assert.equal(code, 200),
    bad: { path: "/1.0/operations/nope/wait", status: 404, error: "Operation not found" },
  },
  connectOperation: {
    good: async (world) => {
      const { id, metadata } = await waitingExec(world);
      await openSocket(world.daemon, `/1.0/operations/${id}/websocket?secret=${metadata.fds["0"]}`);
      return { path: `/1.0/operations/${id}/websocket?secret=${metadata.fds["control"]}` };
    },
    bad: { path: "/1.0/operations/nope/websocket?secret=x", status: 404, error: "Operation not found" },
  },
} satisfies Record<keyof typeof operationEndpoints, Case>;
