// Writing an image's templates into a guest's files, whatever the guest put in the way.
import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { applyTemplates } from "../../../server/instances/templates.ts";
import type { InstanceRecord } from "../../../server/instances/store.ts";
import { setLogLevel } from "../../../server/log.ts";

setLogLevel("error");
let folder = "";
const rootfs = (path: string) => join(folder, "v/rootfs", path);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-unit-"));
  chmodSync(folder, 0o755);
  mkdirSync(rootfs("etc"), { recursive: true });
  mkdirSync(join(folder, "v/templates"));
  writeFileSync(join(folder, "v/templates/hostname.tpl"), "{{ container.name }} {{ trigger }}\n");
  writeFileSync(join(folder, "secret"), "untouched");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Applies one template for `path`, as the user that runs the tests. */
function apply(path: string, more = "", trigger: "create" | "start" = "create", template = "hostname.tpl"): void {
  writeFileSync(join(folder, "v/metadata.yaml"),
    `architecture: x86_64\ncreation_date: 1\ntemplates:\n  ${path}:\n    when: [create]\n    template: ${template}\n${more}`);
  const instance = { name: "c1", architecture: "x86_64", ephemeral: false } as InstanceRecord;
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  applyTemplates({ instance, expanded: { config: {}, devices: {} }, folder: join(folder, "v"), uid, gid }, [trigger]);
}

test("a template is written with the parents it needs, in place of what was there", () => {
  writeFileSync(rootfs("etc/hostname"), "something much longer than what comes\n");
  apply("/etc/hostname");
  assert.equal(readFileSync(rootfs("etc/hostname"), "utf8"), "c1 create\n");
  apply("/var/lib/new/name");
  assert.equal(readFileSync(rootfs("var/lib/new/name"), "utf8"), "c1 create\n");
});

test("a template of another trigger is left alone, and one to create only replaces nothing", () => {
  apply("/etc/hostname", "", "start");
  assert.equal(existsSync(rootfs("etc/hostname")), false);
  writeFileSync(rootfs("etc/hostname"), "mine");
  apply("/etc/hostname", "    create_only: true\n");
  assert.equal(readFileSync(rootfs("etc/hostname"), "utf8"), "mine");
});

test("a link of the guest's leads nowhere out of its root", () => {
  symlinkSync(join(folder, "secret"), rootfs("etc/hostname"));
  symlinkSync("../../..", rootfs("up"));
  for (const path of ["/etc/hostname", "/up/secret"]) {
    try {
      apply(path);
    } catch {} // refused, or written inside the root: either way not outside
    assert.equal(readFileSync(join(folder, "secret"), "utf8"), "untouched", path);
  }
});

test("a folder in the file's place is an error, not a hang", () => {
  mkdirSync(rootfs("etc/hostname"));
  assert.throws(() => apply("/etc/hostname"));
  assert.ok(lstatSync(rootfs("etc/hostname")).isDirectory());
});

test("a template's own file may not be a link out of the image", () => {
  symlinkSync(join(folder, "secret"), join(folder, "v/templates/link.tpl"));
  assert.throws(() => apply("/etc/hostname", "", "create", "link.tpl"));
  assert.equal(existsSync(rootfs("etc/hostname")), false);
});
