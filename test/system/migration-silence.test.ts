// Moves whose other side says nothing any more, and closes nothing: they end within bounds, and leave the source intact and the target clean.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { create, importImage } from "../helpers/instances.ts";
import { endNeighbour, openForMoves, startNeighbour } from "../helpers/neighbour.ts";
import { eventually } from "../helpers/wait.ts";

const [name, back] = [`sil${process.pid}`, `sil${process.pid}-back`];
/** Longer than the half minute after which a silent server is given up, and much shorter than the kernel's patience. */
const bound = 55_000;
let here: Daemon;
let there: Daemon;

before(async () => {
  here = await startDaemon({ init: false });
  there = await startNeighbour(here.namespace);
  for (const [daemon, port] of [[here, 8443], [there, 8444]] as const) await openForMoves(daemon, port);
  await importImage(here, (await busyboxImages()).unified, "busybox");
  await importImage(there, (await busyboxImages()).unified, "busybox");
  await create(here, name);
  await create(there, back);
  for (const [daemon, one] of [[here, name], [there, back]] as const) await fill(daemon, one);
});
after(async () => {
  if (there) await endNeighbour(there);
  await here?.[Symbol.asyncDispose]();
});
afterEach(async () => {
  await here.inNamespace("nft", "delete", "table", "inet", "silence");
  there.wake();
});

const urlOf = (one: string) => `/1.0/instances/${one}`;
const exists = async (daemon: Daemon, one: string) => (await daemon.request("GET", urlOf(one))).status === 200;
const layersOf = (daemon: Daemon) => ["layers", "snapshots", "trash"].flatMap((folder) => readdirSync(`${daemon.dir}/storage-pools/default/${folder}`));

/** Puts so much into an instance that it takes a while to travel. */
async function fill(daemon: Daemon, one: string): Promise<void> {
  const root = `${daemon.dir}/storage-pools/default/containers/${one}/rootfs`;
  const { code, stderr } = await daemon.inNamespace("setpriv", "--reuid=1000000", "--regid=1000000", "--clear-groups", "sh", "-c", 'exec head -c 300m /dev/urandom > "$0/home/big"', root);
  assert.equal(code, 0, stderr);
}

/** Begins to bring an instance of one daemon to the other; gives the operations of both sides. */
async function move(from: Daemon, port: number, to: Daemon, one: string): Promise<{ give: string; take: string }> {
  const { environment } = await from.must("GET", "/1.0");
  const { json } = await from.request("POST", urlOf(one), { migration: true });
  const source = { type: "migration", mode: "pull", operation: `https://127.0.0.1:${port}${json.operation}`, secrets: json.metadata.metadata, certificate: environment.certificate };
  const reply = await to.request("POST", "/1.0/instances", { name: one, source, devices: {}, profiles: ["default"] });
  assert.equal(reply.status, 202, reply.text);
  return { give: json.operation, take: reply.json.operation };
}

/** Until files are on their way. */
async function begun(daemon: Daemon, operation: string): Promise<void> {
  const progress = async () => (await daemon.must("GET", operation)).metadata?.fs_progress !== undefined;
  await eventually(progress, { timeout: 20_000, every: 5, what: "files are on their way" });
}

async function failure(daemon: Daemon, operation: string): Promise<string> {
  const { status_code, err } = await daemon.must("GET", `${operation}/wait?timeout=${bound / 1000}`);
  assert.equal(status_code, 400, err || "it goes on");
  return err;
}

test("a server that stands still is given up by the source and by the target of a move", async () => {
  const going = await move(here, 8443, there, name);
  const coming = await move(there, 8444, here, back);
  await begun(here, going.give);
  await begun(here, coming.take);
  there.freeze();
  const said = await Promise.all([failure(here, going.give), failure(here, coming.take)]);
  for (const words of said) assert.match(words, /has not answered for 30 seconds/);
  assert.equal(await exists(here, back), false);
  there.wake();
  await failure(there, going.take);
  assert.deepEqual([await exists(here, name), await exists(there, name), await exists(there, back)], [true, false, true]);
});

test("a network that lets nothing through any more is noticed on both sides", async () => {
  const { give, take } = await move(here, 8443, there, name);
  await begun(there, take);
  const rules = "table inet silence { chain input { type filter hook input priority 0; tcp dport 8443 drop; tcp sport 8443 drop; }; }";
  const { code, stderr } = await here.inNamespace("nft", rules);
  assert.equal(code, 0, stderr);
  for (const words of await Promise.all([failure(here, give), failure(there, take)])) assert.match(words, /has not answered for 30 seconds/);
  assert.deepEqual([await exists(here, name), await exists(there, name)], [true, false]);
  await here.inNamespace("nft", "delete", "table", "inet", "silence");
  const again = await move(here, 8443, there, name);
  assert.equal((await there.must("GET", `${again.take}/wait?timeout=60`)).status_code, 200);
});

test("nothing is left of what did not come through", async () => {
  for (const daemon of [here, there]) {
    await daemon.deleteInstances();
    await eventually(() => layersOf(daemon).length === 0, { what: `the pool is empty: ${layersOf(daemon)}` });
  }
});
