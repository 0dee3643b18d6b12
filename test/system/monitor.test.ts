// `monitor`: both clients follow the same events of a daemon, and write them alike, in each format and of each type and level.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { berthPath, type Daemon, startDaemon } from "../helpers/daemon.ts";
import { clientEnv } from "../helpers/guests.ts";
import { eventually } from "../helpers/wait.ts";

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon({ args: ["--debug"] });
  await daemon.lxc("version"); // makes its configuration
});
after(() => daemon?.[Symbol.asyncDispose]());

interface Follower {
  text(): string;
  stop(): void;
}

function follow(program: string, args: readonly string[]): Follower {
  const child = spawn(program, ["monitor", ...args], { env: { ...process.env, ...clientEnv(daemon), TZ: "UTC" }, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  return { text: () => text, stop: () => child.kill("SIGKILL") };
}

let count = 0;
let made = 0;

async function makeProfile(name: string): Promise<void> {
  await daemon.must("POST", "/1.0/profiles", { name });
  made++;
}

/** The audit lines of the profiles made; the last of them is written a moment after its reply. */
const audited = () => eventually(() => {
  const lines = daemon.log().split("\n").filter((line) => line.includes('"createProfile"'));
  return lines.length === made ? lines : undefined;
}, { every: 5 });

/** What both clients write while a profile is made, until both have seen it. */
async function both(...args: string[]): Promise<[lxc: string, berth: string]> {
  const followers = [follow("lxc", args), follow(berthPath, args)];
  try {
    const name = `seen-${++count}`;
    // Whoever follows does not say when it has begun to.
    await eventually(async () => {
      const mark = `${name}-${++count}`;
      await makeProfile(mark);
      return followers.every((one) => one.text().includes(mark) || one.text().includes("createProfile"));
    }, { every: 200, timeout: 20_000, what: `both follow: ${followers.map((one) => one.text().slice(-300)).join("\n---\n")}` });
    await makeProfile(`${name}-last`);
    const request = JSON.parse((await audited()).at(-1) ?? "{}").request as string;
    const mark = new RegExp(`${name}-last|request[:=] ?"?${request}\\b`);
    await eventually(() => followers.every((one) => mark.test(one.text())), { what: "both have seen the last" });
    return followers.map((one) => one.text()) as [string, string];
  } finally {
    for (const one of followers) one.stop();
  }
}

/** Time and order of members are the clients' own. */
const shared = (text: string, separator: string) => text.split(separator).map((part) => part.trim()).filter((part) => part !== "");

test("lifecycle events as JSON", async () => {
  const [lxc, berth] = (await both("--type=lifecycle", "--format=json")).map((text) => shared(text, "\n").map((line) => JSON.parse(line)));
  assert.ok(lxc && berth && lxc.length > 0);
  const last = berth.at(-1);
  assert.deepEqual(last, lxc.at(-1));
  assert.deepEqual([last.type, last.project, last.metadata.action, last.metadata.requestor.username], ["lifecycle", "default", "profile-created", "root"]);
});

test("the log as YAML, all of it when no level is asked for", async () => {
  const [lxc, berth] = await both("--type=logging", "--format=yaml");
  const lastOf = (text: string) => shared(text, "\n\n").filter((one) => one.includes("endpoint: createProfile")).at(-1);
  assert.equal(lastOf(berth), lastOf(lxc));
  assert.match(String(lastOf(berth)), /level: info\n/);
});

test("pretty lines, of a level and above it", async () => {
  const [lxc, berth] = await both("--type=logging", "--pretty", "--loglevel=info");
  const lastOf = (text: string) => shared(text, "\n").filter((line) => line.includes("endpoint=createProfile")).at(-1);
  assert.equal(lastOf(berth), lastOf(lxc));
  assert.ok(!/level=debug/.test(berth + lxc));
  const refused = await Promise.all([daemon.lxc("monitor", "--type=logging", "--loglevel=info"), daemon.berth("monitor", "--type=logging", "--loglevel=info")]);
  for (const { code, stderr } of refused) assert.match(`${code} ${stderr}`, /^1 Error: Log level filtering can only be used with pretty formatting/);
});

test("a type that does not exist is refused", async () => {
  const { code, stderr } = await daemon.berth("monitor", "--type=gossip");
  assert.match(`${code} ${stderr}`, /^1 Error: .*gossip/);
});
