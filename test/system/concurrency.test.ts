// Many wishes at once: each is granted or refused with a reason, and what remains is whole.
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { act, booted, create, forceStop, importImage, initOf, instanceOf, launch, remove, sh, statusOf } from "../helpers/instances.ts";
import { busyboxImages } from "../helpers/images.ts";
import { isAlive } from "../helpers/processes.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `many${process.pid}`;
const name = `${prefix}-1`;
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).squashfs, "busybox");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
});

/** What went wrong with each; empty for what went well. */
async function outcomes(...wishes: Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(wishes);
  return settled.map((one) => (one.status === "fulfilled" ? "" : String((one.reason as Error).message).replace(/^\S+ \S+: /, "")));
}

/** Sends a request and closes the connection without waiting for the answer. */
function sendAndLeave(method: string, path: string, body: unknown): Promise<void> {
  return new Promise((resolve) => {
    const text = JSON.stringify(body);
    const sending = request({ socketPath: daemon.socket, method, path, headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text) } });
    sending.on("error", () => {}); // that it is cut off is what is wanted
    sending.end(text, () => sending.destroy());
    sending.on("close", resolve);
  });
}

test("ten instances launched at once all run, with addresses of their own", async () => {
  const names = Array.from({ length: 10 }, (_, i) => `${prefix}-${i}`);
  assert.deepEqual(await outcomes(...names.map((one) => launch(daemon, one))), names.map(() => ""));
  const addresses = await Promise.all(names.map((one) => eventually(async () => {
    const state = await daemon.must("GET", `/1.0/instances/${one}/state`);
    return state.network.eth0.addresses.find(({ family, scope }: { family: string; scope: string }) => family === "inet" && scope === "global")?.address;
  }, { timeout: 20_000, what: `${one} has an address` })));
  assert.equal(new Set(addresses).size, 10);
  assert.deepEqual(await outcomes(...names.map((one) => forceStop(daemon, one))), names.map(() => ""));
  assert.deepEqual(await outcomes(...names.map((one) => remove(daemon, one))), names.map(() => ""));
});

test("of two creates of one name exactly one wins, and the other is told 409", async () => {
  for (let round = 0; round < 5; round++) {
    const replies = await Promise.all([0, 1].map(() => daemon.request("POST", "/1.0/instances", instanceOf(name))));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [202, 409]);
    assert.match(replies.find(({ status }) => status === 409)?.json.error, /already exists/);
    const operation = replies.find(({ status }) => status === 202)?.json.operation;
    assert.equal((await daemon.request("GET", `${operation}/wait`)).json.metadata.status_code, 200);
    await remove(daemon, name);
  }
});

test("of two starts one starts it, and the other is told that it runs", async () => {
  await create(daemon, name);
  assert.deepEqual((await outcomes(act(daemon, name, "start"), act(daemon, name, "start"))).sort(), ["", "The instance is already running"]);
  assert.equal(await sh(daemon, name, "echo here"), "here");
});

test("two forced stops at once end it once", async () => {
  await launch(daemon, name);
  assert.deepEqual((await outcomes(forceStop(daemon, name), forceStop(daemon, name))).sort(), ["", "The instance is already stopped"]);
  await launchAgain();
  const clean = await outcomes(act(daemon, name, "stop"), act(daemon, name, "stop"));
  assert.deepEqual(clean.sort(), ["", "Instance is busy running a stop operation"]);
  assert.equal(await statusOf(daemon, name), "Stopped");
});

async function launchAgain(): Promise<void> {
  await act(daemon, name, "start");
  await booted(daemon, name);
}

test("a delete and a start at once leave it running or gone, never between", async () => {
  for (let round = 0; round < 4; round++) {
    await create(daemon, name);
    const wishes = [() => remove(daemon, name), () => act(daemon, name, "start")];
    const [first, second] = await outcomes(...(round % 2 === 0 ? wishes : wishes.reverse()).map((wish) => wish()));
    assert.equal([first, second].filter((reason) => reason === "").length, 1, `${first} | ${second}`);
    assert.match([first, second].join(""), /^(Instance is running|(404 )?Instance not found)$/);
    const { status } = await daemon.request("GET", `/1.0/instances/${name}`);
    if (status === 404) continue;
    assert.equal(await statusOf(daemon, name), "Running");
    await daemon.deleteInstances();
  }
});

test("of two deletes one deletes it, and the other is told that it is gone", async () => {
  await create(daemon, name);
  const [first, second] = (await outcomes(remove(daemon, name), remove(daemon, name))).sort();
  assert.equal(first, "");
  assert.match(second ?? "", /Instance not found/);
});

test("a running instance cannot be deleted, and a program in it ends with a forced stop", async () => {
  await launch(daemon, name);
  const running = daemon.berth("exec", name, "--", "sh", "-c", "echo up > /run/up; exec sleep 1000");
  await eventually(() => sh(daemon, name, "cat /run/up"));
  await assert.rejects(remove(daemon, name), /Instance is running/);
  const begun = Date.now();
  await forceStop(daemon, name);
  assert.notEqual((await running).code, 0);
  assert.ok(Date.now() - begun < 5000);
  await remove(daemon, name);
});

test("what a client asked for is done also when it does not wait for the answer", async () => {
  await sendAndLeave("POST", "/1.0/instances", instanceOf(name));
  await eventually(async () => (await daemon.request("GET", `/1.0/instances/${name}`)).status === 200);
  await sendAndLeave("PUT", `/1.0/instances/${name}/state`, { action: "start" });
  await eventually(async () => (await statusOf(daemon, name)) === "Running");
  assert.equal(await sh(daemon, name, "echo here"), "here");
  const init = await initOf(daemon, name);
  await sendAndLeave("PUT", `/1.0/instances/${name}/state`, { action: "stop", force: true });
  await eventually(async () => (await statusOf(daemon, name)) === "Stopped");
  assert.equal(isAlive(init), false);
});
