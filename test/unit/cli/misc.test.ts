import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import { groupUsers } from "../../../cli/commands/storage/index.ts";
import { splitTarget } from "../../../cli/commands/config/set.ts";
import { fileName } from "../../../cli/commands/image/download.ts";
import { readForm } from "../../../cli/commands/image/form.ts";
import { sortArguments } from "../../../cli/commands/image/import.ts";
import { isInteractive } from "../../../cli/commands/instance/exec.ts";
import { overrideDevices, parseOverrides } from "../../../cli/commands/instance/overrides.ts";
import { goFormat, renderPretty } from "../../../cli/commands/server/pretty-event.ts";
import { findSocket, splitRemote } from "../../../cli/context.ts";
import { CliError, renderError } from "../../../cli/errors.ts";
import { readPairs } from "../../../cli/key-values.ts";
import { Prompt } from "../../../cli/prompt.ts";
import { emptyConfig } from "../../../cli/remotes/config.ts";
import { type Server, withProject } from "../../../cli/remotes/server.ts";
import { instancePutFrom } from "../../../cli/writable.ts";
import { BerthError } from "../../../server/api/errors.ts";

test("finds the socket and adds the project", () => {
  assert.equal(findSocket({}), "/var/lib/berth/unix.socket");
  assert.equal(findSocket({ BERTH_DIR: "/d" }), "/d/unix.socket");
  assert.equal(findSocket({ BERTH_DIR: "/d", BERTH_SOCKET: "/s" }), "/s");
  assert.equal(withProject("/1.0/x", "a b"), "/1.0/x?project=a%20b");
  assert.equal(withProject("/1.0/x?r=1", "p"), "/1.0/x?r=1&project=p");
  for (const path of ["/1.0/x?project=q", "/1.0/x?all-projects=true"]) assert.equal(withProject(path, "p"), path);
  for (const project of ["", "default"]) assert.equal(withProject("/1.0/x", project), "/1.0/x");
});

test("tells remotes from names, and a colon in a snapshot's name from both", () => {
  const config = { ...emptyConfig({}), defaultRemote: "images" };
  const split = (argument: string) => Object.values(splitRemote(argument, config));
  assert.deepEqual(["c1", "local:c1", "local:", "local:a:b", ""].map(split), [["images", "c1"], ["local", "c1"], ["local", ""], ["local", "a:b"], ["images", ""]]);
  assert.deepEqual([split("c1/at 12:30"), split("local:c1/a:b"), split("none:c1")], [["images", "c1/at 12:30"], ["local", "c1/a:b"], ["none", "c1"]]);
});

test("shows errors with their hint, and with --debug where they come from", () => {
  assert.equal(renderError(new BerthError("instance_running")), "Error: Instance is running\nHint: Stop it first, or use --force.\n");
  assert.equal(renderError(new CliError("no")), "Error: no\n");
  assert.match(renderError(new CliError("no", { cause: new Error("deep") }), true), /^Error: no\n[^]*Caused by: Error: deep/);
});

test("reads key=value pairs, an old-style pair, and a value from stdin", async () => {
  const ctx = { hasInput: true, readInput: async () => "from stdin" };
  assert.deepEqual(await readPairs(ctx, ["a=1", "b=x=y", "c="]), { a: "1", b: "x=y", c: "" });
  assert.deepEqual(await readPairs(ctx, ["a", "1"]), { a: "1" });
  assert.deepEqual(await readPairs(ctx, ["a=-"]), { a: "from stdin" });
  await assert.rejects(readPairs(ctx, ["a=1", "b"]), /Invalid key=value configuration: b/);
});

test("tells an instance from the server's keys in config set", () => {
  assert.deepEqual(splitTarget(["c1", "a.b=1"]), { target: "c1", pairs: ["a.b=1"] });
  assert.deepEqual(splitTarget(["local:c1", "a.b", "1"]), { target: "local:c1", pairs: ["a.b", "1"] });
  assert.deepEqual(splitTarget(["core.x=1", "y=2"]), { target: "", pairs: ["core.x=1", "y=2"] });
  assert.deepEqual(splitTarget(["core.x", "1"]), { target: "", pairs: ["core.x", "1"] });
});

test("decides when exec wants a pty", () => {
  const flags = { "disable-stdin": false, "force-interactive": false, "force-noninteractive": false, mode: "auto" };
  assert.deepEqual([isInteractive(flags, true), isInteractive(flags, false)], [true, false]);
  assert.equal(isInteractive({ ...flags, "force-interactive": true }, false), true);
  assert.equal(isInteractive({ ...flags, mode: "non-interactive" }, true), false);
  assert.equal(isInteractive({ ...flags, "disable-stdin": true, mode: "interactive" }, true), false);
  assert.throws(() => isInteractive({ ...flags, "force-interactive": true, "force-noninteractive": true }, true), /-t and -T/);
  assert.throws(() => isInteractive({ ...flags, mode: "raw" }, true), /Unknown mode/);
});

test("overrides devices of the instance and of its profiles", async () => {
  const getProfile = async ({ name }: { name: string }) => ({ devices: name === "default" ? { root: { type: "disk", pool: "p" } } : {} });
  const server = { client: { getProfile } } as unknown as Server;
  const overrides = parseOverrides(["root,size=1GiB", "eth0,name=e,f=g"]);
  assert.deepEqual(await overrideDevices(server, { eth0: { type: "nic" } }, overrides, ["default"]), {
    eth0: { type: "nic", name: "e,f=g" }, root: { type: "disk", pool: "p", size: "1GiB" },
  });
  await assert.rejects(overrideDevices(server, {}, { nope: { a: "b" } }, ["default"]), /Device not found in profile devices/);
  assert.throws(() => parseOverrides(["root"]), /Bad device override syntax/);
});

test("takes instance YAML as texts and truths", () => {
  assert.deepEqual(instancePutFrom({ config: { a: "1" }, ephemeral: "true", profiles: "", name: "ignored" }), { config: { a: "1" }, ephemeral: true, profiles: [] });
  assert.throws(() => instancePutFrom({ config: { a: { b: "c" } } }), /The value of "a" is not a text/);
});

test("sorts files from properties", () => {
  const exists = (path: string) => path === "ro=ot";
  assert.deepEqual(sortArguments(["meta", "os = x", "ro=ot", "local:"], exists), { files: ["meta", "ro=ot"], properties: { os: "x" }, remote: "local:" });
  assert.throws(() => sortArguments(["a", "b", "c"], exists), /Too many files: c/);
});

test("reads a form part by part, however it is cut", async () => {
  const body = Buffer.from('--B\r\nContent-Disposition: form-data; name="metadata"; filename="m.tar"\r\n\r\nme\r\n-ta\r\n--B\r\nContent-Disposition: form-data; name="rootfs"; filename="r.tar"\r\n\r\n\r\n--B--\r\n');
  for (const step of [1, 3, 7, 1000]) {
    const chunks = Array.from({ length: Math.ceil(body.length / step) }, (_, i) => body.subarray(i * step, (i + 1) * step));
    const parts: string[] = [];
    for await (const { headers, bytes } of readForm(Readable.from(chunks), "multipart/form-data; boundary=B")) {
      let text = "";
      for await (const part of bytes) text += Buffer.from(part).toString();
      parts.push(`${fileName(headers["content-disposition"])}=${text}`);
    }
    assert.deepEqual(parts, ["m.tar=me\r\n-ta", "r.tar="], `step ${step}`);
  }
  await assert.rejects(async () => {
    for await (const { bytes } of readForm(Readable.from([body.subarray(0, 90)]), "multipart/form-data; boundary=B")) for await (const _part of bytes);
  }, /ended too early/);
});

test("lets no server choose the folder of a file", () => {
  assert.deepEqual(['inline;filename=a.tar.gz', 'x; filename="../../etc/passwd"', "x; filename=..", undefined].map(fileName), ["a.tar.gz", "passwd", "", ""]);
});

test("groups what uses a pool", () => {
  assert.deepEqual(groupUsers(["/1.0/instances/c1", "/1.0/instances/c2?project=p", "/1.0/storage-pools/default/volumes/custom/v1"]), {
    instances: ["c1", 'c2 (project "p")'], volumes: ["v1"],
  });
});

test("writes events as logrus does", () => {
  const event = { type: "logging" as const, timestamp: "2026-11-23T18:05:39.76Z", metadata: { level: "info", message: "Hello you", context: { b: "x y", a: "@" } } };
  assert.equal(renderPretty(event, false), 'time="2026-11-23T18:05:39Z" level=info msg="Hello you" a=@ b="x y"\n');
  assert.equal(renderPretty(event, true), '\x1b[36mINFO   \x1b[0m[2026-11-23T18:05:39Z] Hello you                                     \x1b[36ma\x1b[0m=@ \x1b[36mb\x1b[0m="x y"\n');
  assert.equal(goFormat({ b: [1, null], a: { c: true } }), "map[a:map[c:true] b:[1 <nil>]]");
});

test("asks again until the answer will do", async () => {
  const input = new PassThrough();
  const prompt = new Prompt(input);
  input.end("bad\n\nyes\n");
  assert.equal(await prompt.ask("", "preset", (answer) => (answer === "bad" ? "no" : undefined)), "preset");
  assert.equal(await prompt.askBool("", "no"), true);
  await assert.rejects(prompt.ask("", "x"), /answers ended/);
});
