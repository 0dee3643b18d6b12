// The stock client of LXD handles images: import in every format, aliases, properties, export and deletion.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { inGuest } from "../helpers/guests.ts";
import { type BusyboxImages, busyboxImages, fingerprintOf } from "../helpers/images.ts";

let daemon: Daemon;
let images: BusyboxImages;
before(async () => {
  [daemon, images] = await Promise.all([startDaemon(), busyboxImages()]);
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  await daemon.deleteInstances();
  for (const { fingerprint } of await daemon.must("GET", "/1.0/images?recursion=1")) await daemon.must("DELETE", `/1.0/images/${fingerprint}`);
});

async function lxc(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await daemon.lxc(...args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function refuses(expected: RegExp, ...args: string[]): Promise<void> {
  const { stderr, code } = await daemon.lxc(...args);
  assert.equal(code, 1, `lxc ${args.join(" ")}`);
  assert.match(stderr, expected);
}

const bytes = (path: string) => readFileSync(path);

for (const format of ["unified", "split", "squashfs"] as const) {
  test(`a ${format} image is imported, run, exported with the same bytes, and deleted`, async () => {
    const files = images[format];
    const print = fingerprintOf(files);
    assert.match(await lxc("image", "import", ...files, "--alias", "small"), new RegExp(`Image imported with fingerprint: ${print}\\n`));
    assert.match(await lxc("image", "list", "-f", "csv"), new RegExp(`^small,${print.slice(0, 12)},no,"busybox, for tests",\\w+,CONTAINER,[\\d.]+[kM]?B,"`));
    await lxc("launch", "small", "c1");
    assert.match(await inGuest(daemon, "c1", "cat /usr/share/berth/readme"), /small image/);
    const folder = mkdtempSync(`${dirname(daemon.dir)}/out-`);
    await lxc("image", "export", "small", `${folder}/image`);
    const exported = readdirSync(folder).sort().map((name) => bytes(`${folder}/${name}`));
    assert.equal(exported.length, files.length);
    for (const file of files) assert.ok(exported.some((content) => content.equals(bytes(file))), `${file} came back changed`);
    await lxc("image", "delete", "small");
    assert.equal(await lxc("image", "list", "-f", "csv"), "");
    assert.match(await inGuest(daemon, "c1", "cat /usr/share/berth/readme"), /small image/); // what it was made from may go
  });
}

test("an image keeps the properties it was imported with, and is public when asked", async () => {
  await lxc("image", "import", ...images.unified, "--public", "--alias", "one", "--alias", "two", "flavour=plain", "release=other");
  const shown = await lxc("image", "show", "one");
  assert.match(shown, /^auto_update: false\nproperties:\n[^]* {2}flavour: plain\n[^]*release: other\npublic: true\n/);
  assert.match(await lxc("image", "info", "two"), /Public: yes\n[^]*Aliases:\n {4}- one\n {4}- two\n/);
  const edited = await daemon.lxcWith({ input: shown.replace("flavour: plain", "flavour: spiced").replace("public: true", "public: false") }, "image", "edit", "one");
  assert.equal(edited.code, 0, edited.stderr);
  assert.equal(await lxc("image", "get-property", "one", "flavour"), "spiced\n");
  await lxc("image", "set-property", "one", "colour", "red");
  assert.equal(await lxc("image", "get-property", "one", "colour"), "red\n");
  await lxc("image", "unset-property", "one", "colour");
  assert.doesNotMatch(await lxc("image", "info", "one"), /colour/);
  await refuses(/Property not found/, "image", "get-property", "one", "colour");
  assert.equal((await daemon.must("GET", `/1.0/images/${fingerprintOf(images.unified)}`)).public, false);
});

test("aliases are made, listed, renamed and removed", async () => {
  await lxc("image", "import", ...images.unified);
  const print = fingerprintOf(images.unified);
  await lxc("image", "alias", "create", "first", print);
  await lxc("image", "alias", "create", "folder/with slash", print.slice(0, 10));
  assert.equal(await lxc("image", "alias", "list", "-f", "csv"), `first,${print.slice(0, 12)},CONTAINER,\nfolder/with slash,${print.slice(0, 12)},CONTAINER,\n`);
  await refuses(/Alias "first" already exists/, "image", "alias", "create", "first", print);
  await refuses(/Image not found/, "image", "alias", "create", "third", "0".repeat(64));
  await lxc("image", "alias", "rename", "first", "second");
  await refuses(/already exists/, "image", "alias", "rename", "second", "folder/with slash");
  await lxc("init", "folder/with slash", "c1");
  await lxc("image", "alias", "delete", "folder/with slash");
  await refuses(/Image alias not found/, "image", "alias", "delete", "folder/with slash");
  assert.equal(await lxc("image", "alias", "list", "-f", "csv"), `second,${print.slice(0, 12)},CONTAINER,\n`);
});

test("lists of images can be filtered and shaped", async () => {
  await lxc("image", "import", ...images.unified, "--alias", "one", "kind=a");
  await lxc("image", "import", ...images.split, "--alias", "two", "kind=b");
  const one = fingerprintOf(images.unified).slice(0, 12);
  const two = fingerprintOf(images.split).slice(0, 12);
  assert.equal(await lxc("image", "list", "kind=b", "-c", "lf", "-f", "csv"), `two,${two}\n`);
  assert.equal(await lxc("image", "list", "one", "-c", "f", "-f", "csv"), `${one}\n`);
  assert.equal(await lxc("image", "list", two.slice(0, 6), "-c", "l", "-f", "csv"), "two\n");
  assert.equal(JSON.parse(await lxc("image", "list", "-f", "json")).length, 2);
  assert.match(await lxc("image", "list", "-c", "lfFpdatsu"), /\| +ALIAS +\| +FINGERPRINT +\| +FINGERPRINT +\| PUBLIC \| +DESCRIPTION +\|/);
});

test("what is no image, or is there already, is refused and leaves nothing", async () => {
  await refuses(/Image is not usable/, "image", "import", "/etc/passwd");
  await refuses(/no such file/, "image", "import", "/no/such/file");
  await refuses(/Image is not usable/, "image", "import", images.split[0]!);
  assert.equal(await lxc("image", "list", "-f", "csv"), "");
  await lxc("image", "import", ...images.unified);
  await refuses(/Image with same fingerprint already exists/, "image", "import", ...images.unified);
  for (const verb of ["delete", "info", "show", "export"]) await refuses(/Image not found/, "image", verb, "nothing");
});
