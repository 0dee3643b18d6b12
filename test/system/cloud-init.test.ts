// cloud-init in a guest: told by its seed, which templates write, and by /dev/lxd.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { cloudImages } from "../helpers/images.ts";
import { act, create, destroy, importImage, launch, sh } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";

const userData = (word: string, ...more: string[]) => ["#cloud-config", "locale: false", "write_files:", "  - path: /etc/told", `    content: "${word}"`,
  "runcmd:", `  - [sh, -c, "echo ${word} >> /root/ran"]`, ...more, ""].join("\n");

const network = `version: 2
ethernets:
  eth0:
    dhcp4: true
    addresses: [10.99.99.5/24]
`;

const seedOf = "/var/lib/cloud/seed/nocloud-net";

describe("cloud-init", () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await startDaemon();
    const { seeded, bare } = await cloudImages();
    await importImage(daemon, seeded, "seeded");
    await importImage(daemon, bare, "bare");
  });
  after(() => daemon[Symbol.asyncDispose]());

  /** Waits for its end; resolves with the data source it had. */
  const done = async (name: string) => {
    const result = await eventually(async () => (await daemon.berth("exec", name, "--", "cat", "/run/cloud-init/result.json")).stdout, { timeout: 120_000, every: 300, what: `cloud-init has run in ${name}` });
    const { datasource, errors } = JSON.parse(result).v1;
    assert.deepEqual(errors, []);
    return datasource as string;
  };
  const idOf = async (name: string) => (await daemon.must("GET", `/1.0/instances/${name}`)).config["volatile.cloud-init.instance-id"] as string;

  test("has its seed from the newer keys rather than the older ones", async () => {
    await launch(daemon, "both", { alias: "seeded", config: { "cloud-init.user-data": userData("new"), "user.user-data": userData("old"), "user.vendor-data": "#cloud-config\nx: old", "user.meta-data": "place: here" } });
    assert.equal(await sh(daemon, "both", `cat ${seedOf}/user-data`), userData("new").trim());
    assert.equal(await sh(daemon, "both", `cat ${seedOf}/vendor-data`), "#cloud-config\nx: old");
    assert.equal(await sh(daemon, "both", `cat ${seedOf}/meta-data`), `instance-id: ${await idOf("both")}\nlocal-hostname: both\nplace: here`);
    assert.match(await sh(daemon, "both", `cat ${seedOf}/network-config`), /name: eth0/);
    await destroy(daemon, "both");
  });

  test("does what the seed and /dev/lxd tell, each in a guest, and again when its data change", async () => {
    await Promise.all([
      launch(daemon, "seed1", { alias: "seeded", config: { "user.user-data": userData("old"), "cloud-init.network-config": network } }),
      launch(daemon, "bare1", { alias: "bare", config: { "cloud-init.user-data": userData("first", "hostname: chosen"), "user.user-data": userData("wrong") } }),
    ]);
    assert.match(await done("seed1"), /^DataSourceNoCloud/);
    assert.equal(await sh(daemon, "seed1", "hostname; cat /etc/told; echo; cat /root/ran"), "seed1\nold\nold");
    assert.match(await sh(daemon, "seed1", "ip -4 -o addr show eth0"), /10\.99\.99\.5\/24/);
    await destroy(daemon, "seed1");

    assert.equal(await done("bare1"), "DataSourceLXD");
    assert.equal(await sh(daemon, "bare1", "hostname; cat /etc/told; echo; cat /root/ran"), "chosen\nfirst\nfirst");
    const ask = `import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect("/dev/lxd/sock"); s.send(b"GET /1.0/config/user.user-data HTTP/1.0\\r\\n\\r\\n")
print(s.makefile().read().split("\\n")[0].split()[1])`;
    assert.equal((await daemon.run("exec", "bare1", "--", "python3", "-c", ask)).trim(), "200");
    assert.equal((await daemon.run("exec", "bare1", "--user", "1000", "--", "python3", "-c", ask)).trim(), "401");

    const first = await idOf("bare1");
    await daemon.run("config", "set", "bare1", "user.color=blue");
    assert.equal(await idOf("bare1"), first);
    await daemon.must("PATCH", "/1.0/instances/bare1", { config: { "cloud-init.user-data": userData("second") } });
    assert.notEqual(await idOf("bare1"), first);
    await act(daemon, "bare1", "restart", { force: true });
    await done("bare1");
    assert.equal(await sh(daemon, "bare1", "cat /etc/told; echo; cat /root/ran"), "second\nfirst\nsecond");
  });

  test("counts another network card and another name as another instance", async () => {
    await create(daemon, "card", { alias: "bare" });
    const ids = [await idOf("card")];
    const change = async (path: string, body: object) => {
      await daemon.must(path === "" ? "PATCH" : "POST", "/1.0/instances/card", body);
    };
    await change("", { devices: { eth1: { type: "nic", network: "berthbr0", name: "eth1" } } });
    ids.push(await idOf("card"));
    await change("", { devices: { eth1: { type: "nic", network: "berthbr0", name: "lan" } } });
    ids.push(await idOf("card"));
    await change("rename", { name: "card2" });
    ids.push(await idOf("card2"));
    assert.equal(new Set(ids).size, 4);
  });
});
