// Limits where there is cgroup v2 alone. Which controllers that has depends on the machine: what is there holds, what is not is told.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { unifyCgroups } from "../helpers/cgroups.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, importImage, launch, statusOf } from "../helpers/instances.ts";

const name = `limtwo${process.pid}`;
let daemon: Daemon;
let controllers: string[];

before(async () => {
  daemon = await startDaemon({ prepare: unifyCgroups });
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  controllers = (await daemon.inNamespace("cat", "/sys/fs/cgroup/cgroup.controllers")).stdout.trim().split(" ");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(() => daemon.deleteInstances());

const file = async (path: string) => (await daemon.inNamespace("cat", `/sys/fs/cgroup/lxc.payload.${name}/${path}`)).stdout.trim();
const patch = (config: Record<string, string>) => daemon.must("PATCH", `/1.0/instances/${name}`, { config });

interface Case {
  controller: string;
  config: Record<string, string>;
  file: string;
  values: [set: string, unset: string];
}

const cases: Case[] = [
  { controller: "memory", config: { "limits.memory": "64MiB" }, file: "memory.max", values: ["67108864", "max"] },
  { controller: "memory", config: { "limits.memory": "64MiB", "limits.memory.enforce": "soft" }, file: "memory.high", values: ["67108864", "max"] },
  { controller: "pids", config: { "limits.processes": "50" }, file: "pids.max", values: ["50", "max"] },
  { controller: "cpu", config: { "limits.cpu.allowance": "20ms/50ms" }, file: "cpu.max", values: ["20000 50000", "max 100000"] },
  { controller: "cpuset", config: { "limits.cpu": "0-0" }, file: "cpuset.cpus", values: ["0", ""] },
  { controller: "hugetlb", config: { "limits.hugepages.2MB": "64MiB" }, file: "hugetlb.2MB.max", values: ["67108864", "max"] },
];
for (const { controller, config, file: path, values } of cases) {
  test(`${JSON.stringify(config)} holds, or the controller that is missing is named`, async () => {
    const unset = Object.fromEntries(Object.keys(config).map((key) => [key, ""]));
    await create(daemon, name, { config });
    if (!controllers.includes(controller)) {
      await assert.rejects(act(daemon, name, "start"), new RegExp(`"${Object.keys(config)[0]}" cannot hold: this machine's cgroups have no controller "${controller}"`));
      await patch(unset);
      await act(daemon, name, "start");
      await assert.rejects(patch(config), /cannot hold/);
      return;
    }
    await act(daemon, name, "start");
    assert.equal(await file(path), values[0]);
    await patch(unset);
    assert.equal(await file(path), values[1]);
    await patch(config);
    assert.equal(await file(path), values[0]);
  });
}

test("limits that kernels may lack never keep a guest from starting", async () => {
  await launch(daemon, name, { config: { "limits.disk.priority": "1", "limits.memory.swap": "false", "limits.memory.swap.priority": "2", "limits.network.priority": "3" } });
  assert.equal(await statusOf(daemon, name), "Running");
});
