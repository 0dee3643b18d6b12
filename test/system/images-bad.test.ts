// Images that are broken or mean harm: each is refused with a reason or stays within its root, and nothing is left of it.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { type BusyboxImages, busyboxImages, fingerprintOf, type ImageFiles } from "../helpers/images.ts";
import { runId } from "../helpers/folder.ts";
import { act, create, formOf, importImage, launch, type Part, sh, type Upload, uploadOf } from "../helpers/instances.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";
import { type HandMember, handmadeImage, handmadeTar } from "../unit/images/fixtures.ts";

const name = `bad${process.pid}`;
const raw = { "content-type": "application/octet-stream" };
let daemon: Daemon;
let images: BusyboxImages;
let work: string;
/** A folder of the host's that no image may touch. */
let canary: string;
let plain: Buffer;

before(async () => {
  daemon = await startDaemon();
  images = await busyboxImages();
  work = mkdtempSync(`/tmp/berth-test-${runId}-bad-`);
  canary = `${work}/canary`;
  mkdirSync(canary);
  writeFileSync(`${canary}/file`, "untouched\n");
  mkdirSync(`${work}/tree`);
  await execOk("tar", ["-xf", images.unified[0], "-C", `${work}/tree`]);
  await execOk("tar", ["-cf", `${work}/rootfs.tar`, "-C", `${work}/tree`, "rootfs"]);
  plain = readFileSync(`${work}/rootfs.tar`);
});
after(async () => {
  await daemon?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});
afterEach(async () => {
  await daemon.deleteInstances();
  for (const url of await daemon.must("GET", "/1.0/images")) await daemon.must("DELETE", url);
  assert.deepEqual(await remains(daemon, new RegExp(`^${name}`)), []);
  assert.deepEqual(readdirSync(canary), ["file"], "no image may write outside");
  assert.equal(readFileSync(`${canary}/file`, "utf8"), "untouched\n");
});

/** What the client is told of an upload, be it at once or by its operation; empty when it succeeded. */
async function refusal({ body, headers }: Upload): Promise<string> {
  return daemon.must("POST", "/1.0/images", body, { headers }).then(() => "", (error: Error) => error.message);
}

const metadataOf = (templates: Record<string, string>) => [
  "architecture: amd64", "creation_date: 1424284563", ...(Object.keys(templates).length > 0 ? ["templates:"] : []),
  ...Object.keys(templates).flatMap((path, i) => [`  ${JSON.stringify(path)}:`, "    when: [create, start]", `    template: t${i}.tpl`]), "",
].join("\n");

/** The small image with more members in front of its root file system, and templates: path → text. */
function hostile(members: readonly HandMember[], templates: Record<string, string> = {}): Upload {
  const front = handmadeTar([
    { name: "metadata.yaml", data: metadataOf(templates) }, { name: "templates/", type: "5" },
    ...Object.values(templates).map((data, i) => ({ name: `templates/t${i}.tpl`, data })), { name: "rootfs/", type: "5" }, ...members,
  ]).subarray(0, -1024);
  return { body: Buffer.concat([front, plain]), headers: raw };
}

/** Takes the image in and launches it; resolves with what went wrong, if anything did. */
async function tryLaunch(image: Upload): Promise<string> {
  try {
    const operation = await daemon.must("POST", "/1.0/images", image.body, { headers: image.headers });
    await daemon.must("POST", "/1.0/images/aliases", { name: "busybox", target: operation.metadata.fingerprint });
    await launch(daemon, name);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

const broken: Record<string, [() => Buffer, RegExp]> = {
  "has no metadata.yaml": [() => handmadeTar([{ name: "rootfs/", type: "5" }]), /Image is not usable: metadata.yaml is missing/],
  "has no rootfs": [() => handmadeTar([{ name: "metadata.yaml", data: metadataOf({}) }]), /rootfs is missing/],
  "has a metadata.yaml that is no YAML": [() => handmadeTar([{ name: "metadata.yaml", data: "a: [\n" }, { name: "rootfs/", type: "5" }]), /not valid YAML/],
  "has a metadata.yaml without an architecture": [() => handmadeTar([{ name: "metadata.yaml", data: "creation_date: 1\n" }, { name: "rootfs/", type: "5" }]), /"architecture" is missing/],
  "has a link for its metadata.yaml": [() => handmadeTar([{ name: "metadata.yaml", type: "2", link: "/etc/passwd" }, { name: "rootfs/", type: "5" }]), /metadata.yaml/],
  "is no archive at all": [() => Buffer.from("hello, I am no image".repeat(100)), /neither a tarball .* nor squashfs/],
  "is empty": [() => Buffer.alloc(0), /the upload is empty/],
};
for (const [what, [bytes, reason]] of Object.entries(broken)) {
  test(`refuses an image that ${what}`, async () => {
    assert.match(await refusal({ body: bytes(), headers: raw }), reason);
    assert.deepEqual(await daemon.must("GET", "/1.0/images"), []);
  });
}

const packers = { gz: "gzip", xz: "xz", zst: "zstd", bz2: "bzip2" };
for (const [kind, packer] of Object.entries(packers)) {
  test(`refuses a ${kind} tarball that is cut off, be it at once or when it is unpacked`, async () => {
    writeFileSync(`${work}/whole.tar`, hostile([]).body);
    await execOk(packer, ["-kqf", `${work}/whole.tar`]);
    const whole = readFileSync(`${work}/whole.tar.${kind}`);
    const reason = await tryLaunch({ body: whole.subarray(0, Math.floor(whole.length * 0.7)), headers: raw });
    assert.match(reason, /Image is not usable: .*(nexpected|premature|end|cut|incomplete)/i);
  });
}

test("refuses a squashfs that is cut off, be it at once or when it is mounted", async () => {
  const [meta, rootfs] = images.squashfs as [string, string];
  const cut = readFileSync(rootfs);
  const form = formOf([{ field: "metadata", bytes: readFileSync(meta) }, { field: "rootfs", bytes: cut.subarray(0, cut.length - 70_000) }]);
  assert.match(await tryLaunch(form), /Image is not usable: /);
});

test("a root file system without metadata is taken, says what it is, and runs", async () => {
  const folder = `${work}/bare`;
  mkdirSync(folder);
  await execOk("cp", ["-a", `${work}/tree/rootfs/.`, folder]);
  mkdirSync(`${folder}/etc`, { recursive: true });
  writeFileSync(`${folder}/etc/os-release`, "ID=bare\nVERSION_ID=9\nPRETTY_NAME='Bare 9'\n");
  await execOk("tar", ["-cJf", `${work}/bare.tar.xz`, "-C", folder, "."]);
  const body = readFileSync(`${work}/bare.tar.xz`);
  const hash = fingerprintOf([`${work}/bare.tar.xz`]);
  const { metadata } = await daemon.must("POST", "/1.0/images", body, { headers: { ...raw, "x-lxd-fingerprint": hash } });
  const image = await daemon.must("GET", `/1.0/images/${metadata.fingerprint}`);
  assert.deepEqual([image.properties.os, image.properties.release, image.size], ["bare", "9", Number(metadata.size)]);
  assert.match(image.properties["metadata.origin"], /made up/);
  await daemon.must("POST", "/1.0/images/aliases", { name: "busybox", target: metadata.fingerprint });
  await launch(daemon, name);
  assert.equal(await sh(daemon, name, "echo here"), "here");
  await assert.rejects(daemon.must("POST", "/1.0/images", body, { headers: raw }), /Image with same fingerprint already exists/);
  assert.match(await refusal({ body: readFileSync(images.split[1] ?? ""), headers: raw }), /^$/, "so is any other root file system");
});

test("a tarball that is a bomb is refused before it is unpacked", async () => {
  const header = handmadeTar([{ name: "metadata.yaml", data: metadataOf({}) }, { name: "filler", data: "" }]).subarray(0, -1024);
  header.write(`${(4095 * 2 ** 30 / 512).toString(8)}`.padStart(11, "7").slice(0, 11), header.length - 512 + 124);
  const block = header.subarray(header.length - 512);
  block.fill(" ", 148, 156);
  block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `, 148);
  writeFileSync(`${work}/bomb.tar`, Buffer.concat([header, Buffer.alloc(1024 * 1024)]));
  await execOk("zstd", ["-qf", `${work}/bomb.tar`]);
  assert.match(await refusal({ body: readFileSync(`${work}/bomb.tar.zst`), headers: raw }), /Image is not usable: the tarball would be larger than 4 GiB/);
});

test("what a body is shows at its beginning, whatever its headers say", async () => {
  const { body } = uploadOf(images.unified);
  assert.equal(await refusal({ body, headers: { "content-type": "text/html" } }), "");
  const json = Buffer.from(' {"source": {"type": "magic"}}');
  for (const type of ["application/octet-stream", "application/json; charset=utf-8", "text/plain"]) assert.match(await refusal({ body: json, headers: { "content-type": type } }), /Image source "magic" is not supported/, type);
  assert.match(await refusal({ body, headers: { "content-type": "application/json" } }), /it is not valid JSON/);
  assert.match(await refusal({ body, headers: { "content-type": "multipart/form-data" } }), /[Bb]oundary|form is damaged/);
  for (const type of ["null", "[]", "7", '{"source": 7}', '{"aliases": [{"name": "\\u0000"}], "source": {"type": "instance", "name": "x"}}']) {
    assert.match(await refusal({ body: Buffer.from(type), headers: { "content-type": "application/json" } }), /Invalid request body|not supported|Invalid alias name/, type);
  }
});

/** Milliseconds of processor time that the daemon and its ended children have used. */
function cpuTime(): number {
  const fields = readFileSync(`/proc/${daemon.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

test("an image can be used as soon as its last byte has come", async (t) => {
  const piece = `${work}/piece`;
  await execOk("sh", ["-c", 'head -c 2M /dev/urandom > "$0"; tar -cf - -C "$1" piece | xz -0 > "$0.tar.xz"', piece, work]);
  const one = readFileSync(`${piece}.tar.xz`);
  const { body, headers } = formOf([{ field: "metadata", bytes: readFileSync(images.split[0]) }, { field: "rootfs", bytes: Buffer.concat(Array(32).fill(one)) }]);
  let used = 0;
  const operation = await new Promise<string>((resolve, reject) => {
    const sending = request({ socketPath: daemon.socket, method: "POST", path: "/1.0/images", headers: { ...headers, "content-length": body.length } }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(JSON.parse(text).operation));
    });
    sending.on("error", reject);
    const isThere = () => readdirSync(`${daemon.dir}/images`, { recursive: true, encoding: "utf8" }).some((entry) => entry.endsWith("/rootfs") && statSync(`${daemon.dir}/images/${entry}`).size > body.length - 300_000);
    sending.write(body.subarray(0, -1), () => void eventually(isThere, { timeout: 60_000 }).then(() => {
      used = cpuTime();
      sending.end(body.subarray(-1));
    }, reject));
  });
  await daemon.must("GET", `${operation}/wait`);
  t.diagnostic(`${cpuTime() - used} ms of work after the last byte of 64 MB`);
  assert.ok(cpuTime() - used < 300, `${cpuTime() - used} ms`);
});

const escapes: Record<string, HandMember[]> = {
  "../": [{ name: "../escaped", data: "x" }, { name: "rootfs/../../escaped", data: "x" }],
  "an absolute name": [{ name: "/CANARY/absolute", data: "x" }],
  "an absolute link and a member through it": [{ name: "rootfs/out", type: "2", link: "/CANARY" }, { name: "rootfs/out/through", data: "x" }],
  "a relative link and a member through it": [{ name: "rootfs/out", type: "2", link: "../../../../../../../../../CANARY" }, { name: "rootfs/out/through", data: "x" }],
  "a link in place of the root file system": [{ name: "rootfs2", type: "2", link: "/CANARY" }, { name: "rootfs2/through", data: "x" }],
  "a link that a file replaces": [{ name: "rootfs/f", type: "2", link: "/CANARY/file" }, { name: "rootfs/f", data: "x" }],
};
for (const [what, members] of Object.entries(escapes)) {
  test(`an image with ${what} writes nothing outside its root`, async () => {
    const there = members.map((member) => ({
      ...member, name: member.name.replace("/CANARY", canary), ...(member.link ? { link: member.link.replace("/CANARY", canary) } : {}),
    }));
    const reason = await tryLaunch(hostile(there));
    if (reason === "") assert.equal(await sh(daemon, name, "echo here"), "here");
    else assert.match(reason, /Image is not usable: /);
    assert.equal(existsSync(`${daemon.dir}/escaped`) || existsSync(`${daemon.dir}/storage-pools/default/images/escaped`), false);
  });
}

test("an image with a hard link to a file of the host's does not get at that file", async () => {
  const reason = await tryLaunch(hostile([{ name: "rootfs/stolen", type: "1", link: `${canary}/file` }, { name: "rootfs/passwd", type: "1", link: "/etc/passwd" }]));
  if (reason !== "") return assert.match(reason, /Image is not usable: /);
  assert.doesNotMatch(await sh(daemon, name, "cat /stolen /passwd 2>/dev/null; true"), /untouched/);
});

test("a device node of an image is there, and cannot be opened", async () => {
  assert.equal(await tryLaunch(hostile([{ name: "rootfs/memory", type: "3" }])), "");
  assert.equal(await sh(daemon, name, "[ -c /memory ] && echo a device"), "a device");
  const { code, stderr } = await daemon.berth("exec", name, "--", "cat", "/memory");
  assert.ok(code !== 0 && /Permission denied/.test(stderr), stderr);
});

test("refuses an image whose fingerprint is not what its sender says", async () => {
  const upload = uploadOf(images.unified);
  const wrong = "0".repeat(64);
  assert.match(await refusal({ ...upload, headers: { ...upload.headers, "x-lxd-fingerprint": wrong } }), new RegExp(`Image fingerprint doesn't match. Got ${fingerprintOf(images.unified)} expected ${wrong}`));
  assert.equal(await refusal({ ...upload, headers: { ...upload.headers, "x-lxd-fingerprint": fingerprintOf(images.unified) } }), "");
});

test("of two uploads of one image at once, one wins and the other is told", async () => {
  const outcomes = await Promise.all([refusal(uploadOf(images.split)), refusal(uploadOf(images.split))]);
  assert.deepEqual(outcomes.map((reason) => reason.replace(/^.*: /, "")).sort(), ["", "Image with same fingerprint already exists"]);
});

const forms: Record<string, (meta: Part, rootfs: Part) => Part[]> = {
  "the root file system before the metadata": (meta, rootfs) => [rootfs, meta],
  "no metadata": (_, rootfs) => [rootfs],
  "a part of another name": (meta, rootfs) => [meta, { ...rootfs, field: "kernel" }],
  "two root file systems": (meta, rootfs) => [meta, rootfs, rootfs],
  "no part at all": () => [],
};
for (const [what, order] of Object.entries(forms)) {
  test(`refuses a form with ${what}`, async () => {
    const [meta, rootfs] = images.split.map((file) => readFileSync(file)) as [Buffer, Buffer];
    assert.match(await refusal(formOf(order({ field: "metadata", bytes: meta }, { field: "rootfs", bytes: rootfs }))), /Image is not usable: .*(part|form|empty)/);
  });
}

test("a form that breaks off in its middle is refused", async () => {
  const { body, headers } = uploadOf(images.split);
  assert.match(await refusal({ body: body.subarray(0, body.length - 5000), headers }), /Image is not usable: /);
});

test("an upload whose client goes away leaves nothing", async () => {
  for (const { body, headers } of [uploadOf(images.unified), uploadOf(images.split)]) {
    await new Promise<void>((resolve) => {
      const sending = request({ socketPath: daemon.socket, method: "POST", path: "/1.0/images", headers: { ...headers, "content-length": body.length } });
      sending.on("error", () => resolve());
      sending.write(body.subarray(0, body.length / 2), () => {
        void eventually(() => readdirSync(`${daemon.dir}/images`).some((entry) => entry.startsWith(".upload-"))).then(() => sending.destroy(new Error("gone")));
      });
    });
    await eventually(() => readdirSync(`${daemon.dir}/images`).length === 0, { what: "nothing is left of the upload" });
  }
});

test("the daemon holds none of the files of refused uploads open: they would take space", async () => {
  const { body, headers } = uploadOf(images.split);
  const [meta, rootfs] = images.split.map((file) => readFileSync(file)) as [Buffer, Buffer];
  const [metadata, root] = [{ field: "metadata", bytes: meta }, { field: "rootfs", bytes: rootfs }];
  for (const upload of [{ body: body.subarray(0, body.length - 5000), headers }, formOf([metadata, root, root]), formOf([metadata, { ...root, field: "kernel" }])]) await refusal(upload);
  const open = () => readdirSync(`/proc/${daemon.pid}/fd`).map((fd) => linkOf(`/proc/${daemon.pid}/fd/${fd}`)).filter((file) => file.includes("/.upload-"));
  await eventually(() => open().length === 0, { what: `nothing is open any more, but there are ${open().join(", ")}` });
});

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return ""; // closed meanwhile
  }
}

const links = {
  "an absolute link": [{ name: "rootfs/out", type: "2", link: "CANARY" }], "a relative link": [{ name: "rootfs/out", type: "2", link: "../../../../../../../../../../CANARY" }],
  "a link through /proc": [{ name: "rootfs/out", type: "2", link: "/proc/self/rootCANARY" }], "a link to a link": [{ name: "rootfs/way", type: "2", link: "CANARY" }, { name: "rootfs/out", type: "2", link: "/way" }],
};
for (const [what, members] of Object.entries(links)) {
  test(`a template whose target is ${what} stays within its root`, async () => {
    const there = members.map((member) => ({ ...member, link: member.link.replace("CANARY", canary) }));
    const reason = await tryLaunch(hostile([...there, { name: "rootfs/straight", type: "2", link: `${canary}/file` }], { "/out/new": "written\n", "/out/file": "written\n", "/straight": "written\n" }));
    if (reason === "") assert.equal(await sh(daemon, name, "echo here"), "here");
    else assert.match(reason, /(Failed to|not|no|cannot|ELOOP|ENOENT)/);
  });
}

test("a guest cannot lead its templates astray later", async () => {
  assert.equal(await tryLaunch(hostile([], { "/etc/motd": "hello {{ container.name }}\n" })), "");
  assert.equal(await sh(daemon, name, "cat /etc/motd"), `hello ${name}`);
  for (const trick of [`ln -s ${canary}/file /etc/motd`, "mkfifo /etc/motd", "mkdir /etc/motd", `rm -r /etc && ln -s ${canary} /etc`]) {
    await sh(daemon, name, `rm -rf /etc/motd; ${trick}`);
    const again = await act(daemon, name, "restart", { force: true }).then(() => "", (error: Error) => error.message);
    assert.deepEqual(readdirSync(canary), ["file"]);
    if (again !== "") { // it does not start that way: it is made anew for the next trick
      await daemon.deleteInstances();
      await launch(daemon, name);
    }
  }
});

test("a template runs no code", async () => {
  const attempts = [
    '{{ config_get.constructor("return process")().exit(3) }}', '{{ "".constructor.constructor("return process.exit(3)")() }}', "{{ container.__proto__.constructor }}",
    `{% include "/etc/passwd" %}`, `{{ config_get("x", "").constructor.constructor("require('fs').writeFileSync('${canary}/run','')")() }}`, "{% for a in container.constructor %}{{ a }}{% endfor %}",
  ];
  const pid = daemon.pid;
  for (const [i, text] of attempts.entries()) {
    const reason = await tryLaunch(hostile([], { [`/attempt${i}`]: text }));
    if (reason === "") assert.doesNotMatch(await sh(daemon, name, `cat /attempt${i}`), /function|native code|root:/, text);
    assert.equal(daemon.pid, pid, `the daemon lives on after ${text}`);
    await daemon.deleteInstances();
    for (const url of await daemon.must("GET", "/1.0/images")) await daemon.must("DELETE", url);
  }
});

test("what is exported is what was imported, byte for byte", async () => {
  const sets: ImageFiles[] = [images.unified, images.split, images.squashfs];
  for (const [i, files] of sets.entries()) {
    const fingerprint = await importImage(daemon, files, `copy${i}`);
    assert.equal(fingerprint, fingerprintOf(files));
    await daemon.run("image", "export", fingerprint, `${work}/out${i}`);
    const written = readdirSync(work).filter((entry) => entry.startsWith(`out${i}`)).map((entry) => `${work}/${entry}`);
    const flat = written.flatMap((path) => (path.endsWith(`out${i}`) && !existsSync(`${path}/.`) ? [path] : existsSync(`${path}/.`) ? readdirSync(path).map((file) => `${path}/${file}`) : [path]));
    const same = files.map((file) => flat.filter((path) => readFileSync(path).equals(readFileSync(file))).length);
    assert.deepEqual([flat.length, ...same], [files.length, ...files.map(() => 1)], flat.join(" "));
  }
});

test("an image that is refused can be followed by a good one of the same instance name", async () => {
  assert.notEqual(await tryLaunch({ body: handmadeImage([{ name: "rootfs/etc", type: "2", link: "/nowhere" }]), headers: raw }), "");
  await daemon.deleteInstances();
  for (const url of await daemon.must("GET", "/1.0/images")) await daemon.must("DELETE", url);
  await importImage(daemon, images.unified, "busybox");
  await create(daemon, name);
  await act(daemon, name, "start");
  assert.equal(await sh(daemon, name, "hostname"), name);
});
