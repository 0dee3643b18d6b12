// `berth` and the stock `lxc` say the same of one daemon: the same tables, the same YAML, the same JSON, the same refusals.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { importBusybox, launch } from "../helpers/guests.ts";
import { busyboxImages } from "../helpers/images.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await importBusybox(daemon);
  await daemon.run("image", "import", ...(await busyboxImages()).squashfs, "--alias", "second", "--public");
  await daemon.run("image", "alias", "create", "third", "second").catch(() => {});
  await launch(daemon, "one", "-c", "user.text=a: 'quoted' \"word\" #1", "-c", "limits.memory=64MiB");
  await daemon.run("init", "busybox", "two");
  await daemon.run("config", "set", "two", "user.lines=first\nsecond\n", "user.number=007", "user.yes=yes", "user.empty-ish= ");
  await daemon.run("init", "busybox", "web-10", "-c", "user.role=web");
  await daemon.run("init", "busybox", "web-9", "-c", "user.role=web");
  await daemon.run("profile", "create", "extra");
  await daemon.run("network", "create", "side0", "ipv4.address=10.93.1.1/24", "ipv6.address=none");
  await eventually(async () => {
    const { network } = await daemon.must("GET", "/1.0/instances/one/state");
    return network.eth0.addresses.filter(({ scope }: { scope: string }) => scope === "global").length === 2;
  }, { what: "one has both addresses" });
  await daemon.run("pause", "one"); // what is counted and used stands still
  await daemon.lxc("version");
});
after(() => daemon?.[Symbol.asyncDispose]());

/** Differences that mean nothing: Go writes a second's fraction without the zeros at its end, and packets are counted meanwhile. */
const known = (text: string) => text
  .replace(/(T\d\d:\d\d:\d\d)(\.\d*[1-9])?\.?0*Z/g, "$1$2Z")
  .replace(/(?<=(?:bytes|packets)_(?:received|sent)"?: ?)\d+/g, "0");

async function agree(...args: string[]): Promise<void> {
  const [lxc, berth] = await Promise.all([daemon.lxc(...args), daemon.berth(...args)]);
  assert.equal(lxc.code, 0, `lxc ${args.join(" ")}: ${lxc.stderr}`);
  assert.equal(known(berth.stdout), known(lxc.stdout), args.join(" "));
  assert.equal(berth.code, 0, berth.stderr);
}

/** As objects: the order of keys is Go's own. */
async function agreeOnJson(...args: string[]): Promise<void> {
  const [lxc, berth] = await Promise.all([daemon.lxc(...args), daemon.berth(...args)]);
  assert.deepEqual(JSON.parse(known(berth.stdout)), JSON.parse(known(lxc.stdout)), args.join(" "));
}

for (const format of ["table", "compact", "csv", "yaml"]) {
  test(`lists are the same as ${format}`, async () => {
    for (const list of [["list"], ["image", "list"], ["image", "alias", "list"], ["network", "list"], ["profile", "list"], ["project", "list"], ["project", "info", "default"], ["storage", "list"], ["network", "list-leases", "berthbr0"]]) {
      await agree(...list, "-f", format);
    }
    await agree("list", "-c", "ns46tSapPcldbe", "-f", format);
    await agree("list", "--fast", "-f", format);
    await agree("list", "--all-projects", "-f", format);
    await agree("list", "-c", "n,user.role,limits.memory:max", "-f", format);
  });
}

test("lists are the same as json", async () => {
  for (const list of [["list"], ["image", "list"], ["network", "list"], ["profile", "list"], ["storage", "list"], ["network", "list-leases", "berthbr0"]]) {
    await agreeOnJson(...list, "-f", "json");
  }
});

test("filters mean the same", async () => {
  for (const filter of [["w"], ["web-10"], ["^web"], ["o$"], ["user.role=web"], ["u.r=web"], ["status=stopped"], ["status=frozen,stopped"], ["type=container"], ["architecture=none"],
    ["two", "status=stopped"], ["limits.memory=64MiB"], ["ipv4=10.0.0.0/8"], ["user.role=w.*"], ["nothing"]]) {
    await agree("list", ...filter, "-c", "n4", "-f", "csv");
  }
});

test("what is shown is the same", async () => {
  for (const name of ["one", "two"]) {
    await agree("config", "show", name);
    await agree("config", "show", name, "--expanded");
    await agree("config", "device", "show", name);
  }
  for (const key of ["user.text", "user.lines", "user.number", "limits.memory", "user.none"]) await agree("config", "get", "two", key);
  await agree("image", "show", "busybox");
  await agree("network", "show", "berthbr0");
  await agree("network", "show", "side0");
  await agree("network", "info", "side0");
  await agree("network", "get", "side0", "ipv4.address");
  for (const profile of ["default", "extra"]) await agree("profile", "show", profile);
  await agree("storage", "show", "default");
  await agree("config", "show");
  await agreeOnJson("query", "/1.0/instances/one");
  await agreeOnJson("query", "/1.0/networks/side0/state");
});

test("changes are the same: one client undoes what the other has done", async () => {
  const lxc = async (...args: string[]) => assert.equal((await daemon.lxc(...args)).code, 0, `lxc ${args.join(" ")}`);
  const both: [string[], string[]][] = [
    [["network", "attach", "side0", "two", "eth5"], ["network", "detach", "side0", "two"]],
    [["network", "attach-profile", "side0", "extra", "eth5", "eth5"], ["network", "detach-profile", "side0", "extra", "eth5"]],
    [["storage", "create", "second", "dir"], ["storage", "delete", "second"]],
    [["storage", "set", "default", "user.x=y"], ["storage", "unset", "default", "user.x"]],
    [["profile", "copy", "extra", "copied"], ["profile", "delete", "copied"]],
    [["config", "device", "add", "two", "shared", "disk", "source=/etc", "path=/x"], ["config", "device", "remove", "two", "shared"]],
  ];
  for (const [done, undone] of both) {
    const made = await daemon.run(...done);
    await lxc(...undone);
    const said = await daemon.lxc(...done);
    assert.equal(said.stdout, made, done.join(" "));
    await daemon.run(...undone);
  }
  for (const key of ["source", "none"]) await agree("storage", "get", "default", key);
});

test("lxc reads the remotes and aliases that berth has written", async () => {
  await daemon.run("remote", "add", "mirror", "https://images.example.org", "--protocol=simplestreams");
  await daemon.run("remote", "add", "here", `unix://${daemon.socket}`);
  await daemon.run("alias", "add", "mine", "list -c n");
  const lxc = async (...args: string[]) => (await daemon.lxcWith({ env: { LXD_CONF: `${dirname(daemon.dir)}/conf` } }, ...args)).stdout;
  for (const format of ["table", "csv", "compact", "yaml"]) {
    for (const words of [["alias", "list"], ["remote", "list"], ["mine"], ["list", "here:"]]) {
      assert.equal(known(await daemon.run(...words, "-f", format)), known(await lxc(...words, "-f", format)), `${words.join(" ")} -f ${format}`);
    }
  }
  assert.deepEqual(JSON.parse(await daemon.run("remote", "list", "-f", "json")), JSON.parse(await lxc("remote", "list", "-f", "json")));
  assert.equal(await daemon.run("remote", "get-default"), await lxc("remote", "get-default"));
});

test("info is the same, in Go's order of the moment or another", async () => {
  // What is counted moves on; `berth info` adds Berth's own version and who one is (as newer clients of LXD's do), and writes a pool driver's keys as the API does.
  const moving = /space used.*|Memory \(.*|CPU usage.*|Processes: .*|Last [Uu]sed.*|(Bytes|Packets) (received|sent).*|^ {2}berth_version: .*\n|^auth_user_\w+: .*\n|^ {2}[- ] (name|version|remote): .*\n/gim;
  const sorted = (text: string) => known(text).replace(moving, "").split("\n").sort();
  for (const args of [["info", "one"], ["info", "two"], ["info"], ["image", "info", "second"], ["storage", "info", "default"]]) {
    const [lxc, berth] = await Promise.all([daemon.lxc(...args), daemon.berth(...args)]);
    assert.deepEqual(sorted(berth.stdout), sorted(lxc.stdout), args.join(" "));
  }
});

test("both refuse the same, in the same words and with the same status", async () => {
  for (const args of [["start", "nobody"], ["stop", "two"], ["exec", "two", "true"], ["delete", "nobody"], ["delete", "one"], ["init", "nothing", "x"], ["init", "busybox", "one"],
    ["profile", "show", "nothing"], ["profile", "delete", "default"], ["network", "delete", "berthbr0"], ["network", "create", "side0"], ["storage", "show", "nothing"],
    ["image", "delete", "nothing"], ["image", "alias", "delete", "nothing"], ["operation", "show", "nothing"], ["config", "set", "two", "no.such=1"], ["config", "get", "nobody", "x"],
    ["config", "device", "remove", "two", "nothing"], ["query", "/1.0/nonsense"], ["list", "-c", "nx"], ["rename", "two", "one"], ["pause", "two"]]) {
    const [lxc, berth] = await Promise.all([daemon.lxc(...args), daemon.berth(...args)]);
    const sentence = (text: string) => /^Error: [^\n]*/m.exec(text)?.[0];
    assert.deepEqual([sentence(berth.stderr), berth.code], [sentence(lxc.stderr), lxc.code], args.join(" "));
    assert.ok(lxc.code !== 0 && sentence(lxc.stderr), args.join(" "));
  }
});
