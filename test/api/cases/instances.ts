// Cases of the endpoints of instances.
import assert from "node:assert/strict";
import type { instanceEndpoints } from "../../../server/api/instances.ts";
import { eventually } from "../../helpers/wait.ts";
import { openSocket } from "../sockets.ts";
import type { Case, World } from "./case.ts";
import { fileCases } from "./files.ts";

const missing = { status: 404, error: "Instance not found" };
const none = { type: "none" };
const resources = (name: string) => ({ instances: [`/1.0/instances/${name}`], containers: [`/1.0/containers/${name}`] });

/** Connects to the console session that is about to begin, and goes again. */
async function visitConsole({ daemon }: World): Promise<void> {
  const { id, metadata } = await eventually(async () => {
    const { running = [] } = await daemon.must("GET", "/1.0/operations?recursion=1");
    return running.find(({ description }: { description: string }) => description === "Showing console");
  });
  (await openSocket(daemon, `/1.0/operations/${id}/websocket?secret=${metadata.fds["0"]}`)).close();
}

export const instanceCases = {
  listInstances: {
    good: { path: "/1.0/instances" },
    check: (list) => assert.deepEqual(list, ["/1.0/instances/off", "/1.0/instances/runs"]),
    bad: { path: "/1.0/instances?filter=status+is+Running", status: 400, error: 'Invalid filter: unknown operator "is", expected eq or ne' },
  },
  createInstance: {
    good: { path: "/1.0/instances", body: { name: "made", source: none, description: "d", config: { "user.a": "b" } } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Creating instance", resources("made")]);
      const { description, config, status } = await daemon.must("GET", "/1.0/instances/made");
      assert.deepEqual([description, config["user.a"], status], ["d", "b", "Stopped"]);
    },
    bad: { path: "/1.0/instances", body: { name: "off", source: none }, status: 409, error: 'Instance "off" already exists' },
  },
  changeInstancesState: {
    good: { path: "/1.0/instances", body: { state: { action: "freeze" } } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Freezing instance", { instances: ["/1.0/instances/runs"] }]);
      assert.equal((await daemon.must("GET", "/1.0/instances/runs")).status, "Frozen");
      await daemon.must("PUT", "/1.0/instances", { state: { action: "unfreeze" } });
    },
    bad: { path: "/1.0/instances", body: { state: { action: "dance" } }, status: 400, error: 'Unknown action "dance"' },
  },
  getInstance: {
    good: { path: "/1.0/instances/off" },
    check: (instance) => {
      assert.deepEqual(Object.keys(instance), [
        "architecture", "config", "devices", "ephemeral", "profiles", "stateful", "description", "created_at", "expanded_config",
        "expanded_devices", "name", "status", "status_code", "last_used_at", "location", "type", "project",
      ]);
      assert.deepEqual([instance.status_code, instance.type, instance.project, instance.location], [102, "container", "default", "none"]);
      assert.equal(instance.last_used_at, "1970-01-01T00:00:00Z");
      assert.equal(instance.expanded_devices.root.path, "/");
    },
    bad: { path: "/1.0/instances/nope", ...missing },
  },
  replaceInstance: {
    prepare: (world) => world.makeInstance("replaced"),
    good: { path: "/1.0/instances/replaced", body: { config: { "user.a": "1" }, devices: {}, profiles: ["default"], description: "new" } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Updating instance", resources("replaced")]);
      const { config, description } = await daemon.must("GET", "/1.0/instances/replaced");
      assert.deepEqual([config["user.a"], description], ["1", "new"]);
    },
    bad: { path: "/1.0/instances/nope", body: {}, ...missing },
  },
  patchInstance: {
    prepare: (world) => world.makeInstance("patched"),
    good: { path: "/1.0/instances/patched", body: { config: { "user.a": "1" } } },
    check: async (_, { daemon }) => assert.equal((await daemon.must("GET", "/1.0/instances/patched")).config["user.a"], "1"),
    bad: {
      path: "/1.0/instances/off", body: { config: { "limits.memroy": "1GiB" } }, status: 400,
      error: 'Unknown configuration key: limits.memroy (did you mean "limits.memory"?)',
    },
  },
  renameInstance: {
    prepare: (world) => world.makeInstance("before"),
    good: { path: "/1.0/instances/before", body: { name: "after" } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Renaming instance", resources("before")]);
      assert.equal((await daemon.request("GET", "/1.0/instances/before")).status, 404);
      assert.equal((await daemon.must("GET", "/1.0/instances/after")).name, "after");
    },
    bad: { path: "/1.0/instances/off", body: { name: "runs" }, status: 409, error: 'Instance "runs" already exists' },
  },
  rebuildInstance: {
    prepare: (world) => world.makeInstance("rebuilt"),
    good: { path: "/1.0/instances/rebuilt/rebuild", body: { source: { type: "image", alias: "busybox" } } },
    check: async (operation, { daemon, fingerprint }) => {
      assert.deepEqual([operation.description, operation.resources], ["Rebuilding instance", resources("rebuilt")]);
      assert.equal((await daemon.must("GET", "/1.0/instances/rebuilt")).config["volatile.base_image"], fingerprint);
    },
    bad: { path: "/1.0/instances/runs/rebuild", body: { source: none }, status: 400, error: "Instance must be stopped to be rebuilt" },
  },
  deleteInstance: {
    prepare: (world) => world.makeInstance("doomed"),
    good: { path: "/1.0/instances/doomed" },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Deleting instance", resources("doomed")]);
      assert.equal((await daemon.request("GET", "/1.0/instances/doomed")).status, 404);
    },
    bad: { path: "/1.0/instances/runs", status: 400, error: "Instance is running" },
  },
  getInstanceState: {
    good: { path: "/1.0/instances/runs/state" },
    check: (state) => {
      assert.deepEqual(Object.keys(state), ["status", "status_code", "disk", "memory", "network", "pid", "processes", "cpu"]);
      assert.deepEqual([state.status, state.status_code], ["Running", 103]);
      assert.ok(state.pid > 1 && state.processes > 0 && state.memory.usage > 0 && state.cpu.usage > 0, JSON.stringify(state));
      assert.equal(state.network.lo.type, "loopback");
      assert.equal(state.network.eth0.host_name.startsWith("veth"), true);
    },
    bad: { path: "/1.0/instances/nope/state", ...missing },
  },
  changeInstanceState: {
    prepare: (world) => world.makeInstance("switched", true),
    good: { path: "/1.0/instances/switched/state", body: { action: "stop", force: true } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.resources], ["Stopping instance", { instances: ["/1.0/instances/switched"] }]);
      assert.equal((await daemon.must("GET", "/1.0/instances/switched")).status, "Stopped");
    },
    bad: { path: "/1.0/instances/off/state", body: { action: "stop", stateful: true }, status: 400, error: "Stateful stop and start (CRIU) is not supported by Berth" },
  },
  execInstance: {
    good: { path: "/1.0/instances/runs/exec", body: { command: ["sh", "-c", "echo out; exit 3"], "record-output": true } },
    check: async (operation, { daemon }) => {
      assert.deepEqual([operation.description, operation.class, operation.metadata.return], ["Executing command", "task", 3]);
      assert.equal((await daemon.request("GET", operation.metadata.output["1"])).text, "out\n");
      assert.equal((await daemon.request("GET", operation.metadata.output["2"])).text, "");
    },
    bad: { path: "/1.0/instances/off/exec", body: { command: ["true"] }, status: 400, error: "Instance is not running" },
  },
  attachConsole: {
    good: async (world) => {
      void visitConsole(world); // the session begins when somebody connects, and ends when they go
      return { path: "/1.0/instances/runs/console", body: { width: 80, height: 24, type: "console" } };
    },
    check: (operation) => {
      assert.deepEqual([operation.description, operation.class, operation.resources], ["Showing console", "websocket", resources("runs")]);
      assert.deepEqual(Object.keys(operation.metadata.fds), ["0", "control"]);
    },
    bad: { path: "/1.0/instances/runs/console", body: { type: "vga" }, status: 400, error: "VGA console is only supported by virtual machines" },
  },
  getConsoleLog: {
    good: async ({ daemon }) => {
      await daemon.must("POST", "/1.0/instances/runs/exec", { command: ["sh", "-c", "echo told the console > /dev/console"], "record-output": true });
      return { path: "/1.0/instances/runs/console" };
    },
    check: (text) => assert.match(text, /told the console\r?\n/),
    bad: { path: "/1.0/instances/off/console", status: 404, error: 'Log file "console.log" not found' },
  },
  clearConsoleLog: {
    good: { path: "/1.0/instances/runs/console" },
    check: async (_, { daemon }) => assert.doesNotMatch((await daemon.request("GET", "/1.0/instances/runs/console")).text, /told the console/),
    bad: { path: "/1.0/instances/nope/console", ...missing },
  },
  ...fileCases,
  listInstanceLogs: {
    good: { path: "/1.0/instances/runs/logs" },
    check: (list) => assert.ok(list.includes("/1.0/instances/runs/logs/lxc.log"), list),
    bad: { path: "/1.0/instances/nope/logs", ...missing },
  },
  getInstanceLog: {
    good: { path: "/1.0/instances/runs/logs/lxc.conf" },
    check: (text) => assert.match(text, /^lxc\.uts\.name = runs$/m),
    bad: { path: "/1.0/instances/runs/logs/..%2F..%2Fberthd.lock", status: 400, error: 'Log file name "../../berthd.lock" not valid' },
  },
  openInstanceSftp: {
    good: { path: "/1.0/instances/off/sftp" },
    bad: { path: "/1.0/instances/off/sftp", status: 400, error: "Missing or invalid upgrade header" },
  },
  deleteInstanceLog: {
    good: async ({ daemon }) => {
      const { metadata } = await daemon.must("POST", "/1.0/instances/runs/exec", { command: ["true"], "record-output": true });
      return { path: metadata.output["1"] as string };
    },
    bad: { path: "/1.0/instances/runs/logs/lxc.log", status: 400, error: 'Log file name "lxc.log" not valid' },
  },
} satisfies Record<keyof typeof instanceEndpoints, Case>;
