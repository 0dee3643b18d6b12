import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { findRecipe, loadRecipe, nameOfStep } from "../../../images/build/load-recipe.ts";
import { recipeReference } from "../../../images/build/reference.ts";
import { planBootstrap, proxyVariables } from "../../../images/build/sources/debootstrap.ts";
import { isCode } from "../../../server/api/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "recipes-"));
after(() => rmSync(folder, { recursive: true }));

function write(text: string, name = "r.yaml"): string {
  const file = join(folder, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const load = (text: string) => loadRecipe(write(text));

describe("what a recipe may not say is told with its line", () => {
  const source = "source: {type: busybox}\n";
  const cases: [string, string, RegExp][] = [
    ["an unknown key", `${source}pakages: [a]\n`, /r\.yaml:2: unknown key "pakages": did you mean "packages"\?$/],
    ["an unknown key deep down", `${source}files:\n  - path: /a\n    contnet: x\n`, /r\.yaml:4: unknown key "contnet" in "files\.0": did you mean "content"\?$/],
    ["an unknown kind of source", "source:\n  type: tarbal\n", /r\.yaml:2: "source\.type" has to be one of debootstrap, tarball, image, busybox: did you mean "tarball"\?$/],
    ["a source without a type", "source:\n  suite: bookworm\n", /"source\.type" is missing/],
    ["no source", "packages: [aa]\n", /r\.yaml:1: "source" is missing/],
    ["a suite that is missing", "source:\n  type: debootstrap\n", /r\.yaml:2: "source\.suite" is missing/],
    ["a key of another source", "source:\n  type: busybox\n  suite: x\n", /r\.yaml:3: unknown key "suite" in "source"/],
    ["a list in place of a map", `${source}metadata: [a]\n`, /r\.yaml:2: "metadata" has to be a map/],
    ["a number in place of a truth", `${source}files:\n  - {path: /a, content: x, template: 1}\n`, /"files\.0\.template" has to be true or false/],
    ["a wrong mode", `${source}files:\n  - {path: /a, content: x, mode: "9"}\n`, /"files\.0\.mode" may not be "9"/],
    ["a package that is an option", `${source}packages: ["-o", a]\n`, /"packages\.0" may not be "-o"/],
    ["a mirror with an option in it", "source: {type: debootstrap, suite: sid, mirror: \"http://x [trusted=yes]\"}\n", /"source\.mirror" may not be/],
    ["a file without content", `${source}files:\n  - path: /a\n`, /r\.yaml:3: "files\.0" has to have one of content, source, link and directory: it has none$/],
    ["a file with two contents", `${source}files:\n  - {path: /a, content: x, link: y}\n`, /it has content and link/],
    ["a relative path", `${source}files:\n  - {path: a, content: x}\n`, /"files\.0\.path" may not be "a"/],
    ["a path with dots", `${source}files:\n  - {path: /a/../../b, content: x}\n`, /may neither have "\.\."/],
    ["the root as what is to be removed", `${source}cleanup: {remove: [/]}\n`, /"\/" cannot be removed/],
    ["a download without a hash", "source: {type: tarball, url: \"https://x/y\"}\n", /known by its sha256/],
    ["paths left out by debootstrap", "source:\n  type: debootstrap\n  suite: sid\n  tool: debootstrap\n  exclude: [/x]\n", /r\.yaml:5: only mmdebstrap can leave paths out/],
    ["a tarball from two places", "source: {type: tarball, url: \"https://x/y\", path: z}\n", /either a path or a url/],
    ["a target twice", `${source}targets: [{format: split}, {format: split}]\n`, /the same files as the target before/],
    ["a squashfs without compression", `${source}targets: [{format: squashfs, compression: none}]\n`, /always compressed/],
    ["a key twice", `${source}${source}`, /r\.yaml:2: "source" stands there twice/],
    ["an alias", `a: &x 1\nb: *x\n`, /r\.yaml:1: anchors and aliases are not supported/],
    ["a tag", "source: !!str busybox\n", /tags are not supported/],
    ["broken YAML", "source: [a\nb: c\n", /it is not valid YAML/],
    ["nothing", "# nothing\n", /it is empty/],
    ["two documents", `---\n${source}---\n${source}`, /more than one document/],
    ["an empty command", `${source}run:\n  - ""\n`, /r\.yaml:3: "run\.0" may not be ""/],
    ["a recipe to extend that is missing", "extends: nowhere.yaml\n", /r\.yaml:1: it extends .*nowhere\.yaml, and there is no such file/],
    ["itself as what it extends", "extends: r.yaml\n", /without end/],
  ];
  for (const [what, text, message] of cases) {
    test(what, () => assert.throws(() => load(text), (error: Error) => isCode(error, "recipe_invalid") && message.test(error.message) || assert.fail(error.message)));
  }
});

test("a recipe that extends another adds to it", () => {
  write("source: {type: debootstrap, suite: bookworm, exclude: [/usr/share/man/*]}\npackages: [aa]\nrun: [one]\nmetadata: {properties: {os: Debian, release: bookworm}}\n", "base/b.yaml");
  const recipe = load("extends: base/b.yaml\nsource:\n  suite: trixie\npackages: [bb]\nrun:\n  - command: [two, x]\n    network: true\nmetadata:\n  properties:\n    release: trixie\n");
  assert.deepEqual(recipe.source, { type: "debootstrap", suite: "trixie", exclude: ["/usr/share/man/*"] });
  assert.deepEqual(recipe.packages, ["aa", "bb"]);
  assert.deepEqual(recipe.metadata?.properties, { os: "Debian", release: "trixie" });
  assert.deepEqual(recipe.run.map(({ command, network, place }) => [command, network, place.file.endsWith("b.yaml"), place.line]), [["one", undefined, true, 3], [["two", "x"], true, false, 6]]);
});

test("values stay the text that stands there, and paths are told from numbers", () => {
  const recipe = load("source: {type: busybox}\nmetadata:\n  properties:\n    version: 3.10\n    yes: on\n");
  assert.deepEqual(recipe.metadata?.properties, { version: "3.10", yes: "on" });
});

test("the recipes that come with Berth are right, and found by their names", () => {
  for (const name of ["busybox", "debian/12", "debian/13", "debian/12/cloud"]) assert.ok(loadRecipe(findRecipe(name)).description, name);
  assert.throws(() => findRecipe("debian/1"), /There is no recipe "debian\/1"/);
  assert.throws(() => findRecipe("../recipes/busybox"), /There is no recipe/);
});

test("the reference is that of the schema as it is (npm run generate)", () => {
  const reference = readFileSync(new URL("../../../images/recipes/reference.md", import.meta.url), "utf8");
  assert.equal(reference, recipeReference());
  for (const key of ["suite", "sha256", "content", "create_only", "compression", "expires"]) assert.match(reference, new RegExp(`^\\| \`${key}\` \\|`, "m"), key);
});

test("steps are named by their first line", () => {
  const place = { file: "x", line: 1 };
  assert.equal(nameOfStep({ command: "echo a\necho b", place }), "echo a");
  assert.equal(nameOfStep({ command: ["/usr/bin/env", "x"], place }), "env x");
  assert.equal(nameOfStep({ command: "x", name: "say it", place }), "say it");
});

describe("what begins a Debian or an Ubuntu", () => {
  const nothing = { archive: [], transport: [], hasScript: true };
  test("mmdebstrap with this machine's archive", () => {
    const { tool, args } = planBootstrap({ type: "debootstrap", suite: "bookworm", exclude: ["/usr/share/man/*"] }, ["systemd", "dbus"], "/r", undefined, {
      archive: ["deb http://near/debian bookworm main"], transport: ['Acquire::http::Proxy "http://p:1"'], hasScript: true,
    });
    assert.equal(tool, "mmdebstrap");
    assert.deepEqual(args.slice(-3), ["bookworm", "/r", "deb http://near/debian bookworm main"]);
    for (const option of ["--include=systemd,dbus", "--dpkgopt=path-exclude=/usr/share/man/*", '--aptopt=Acquire::http::Proxy "http://p:1"', "--variant=minbase"]) assert.ok(args.includes(option), option);
  });
  test("Ubuntu's keys and archive", () => {
    const { args } = planBootstrap({ type: "debootstrap", suite: "noble" }, [], "/r", "aarch64", nothing);
    assert.deepEqual(args.slice(-3), ["noble", "/r", "http://archive.ubuntu.com/ubuntu"]);
    for (const option of ["--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg", "--architectures=arm64", "--components=main,universe"]) assert.ok(args.includes(option), option);
  });
  test("debootstrap", () => {
    const { tool, args } = planBootstrap({ type: "debootstrap", suite: "trixie", tool: "debootstrap", mirror: "http://m/d", keyring: "/k.gpg" }, ["a"], "/r", undefined, nothing);
    assert.deepEqual([tool, ...args], ["debootstrap", "--variant=minbase", "--keyring=/k.gpg", "--components=main", "--include=a", "trixie", "/r", "http://m/d"]);
  });
  test("debootstrap for a release that is newer than it", () => {
    const last = (suite: string) => planBootstrap({ type: "debootstrap", suite, tool: "debootstrap" }, [], "/r", "x86_64", { ...nothing, hasScript: false }).args.slice(-4);
    assert.deepEqual(last("noble"), ["noble", "/r", "http://archive.ubuntu.com/ubuntu", "gutsy"]);
    assert.deepEqual(last("forky"), ["forky", "/r", "http://deb.debian.org/debian", "sid"]);
    assert.deepEqual(proxyVariables(['Acquire::http::Proxy "http://p:1"', 'Acquire::https::Proxy "http://q:2"', "x"]), { http_proxy: "http://p:1", https_proxy: "http://q:2" });
  });
});
