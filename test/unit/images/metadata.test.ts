import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCode } from "../../../server/api/errors.ts";
import { formatMetadata, hostArchitecture, normalizeArchitecture, parseMetadata } from "../../../images/metadata.ts";

const base = "architecture: x86_64\ncreation_date: 1424284563\n";
const template = (fields: string) => `${base}templates:\n  /etc/x:\n    ${fields}\n`;

describe("metadata.yaml", () => {
  it("reads everything that an image may say", () => {
    const metadata = parseMetadata(`architecture: amd64
creation_date: 1424284563
expiry_date: 1500000000
properties:
  os: Debian
  release: 3.10
  serial: 20260101
  variant: "yes"
  empty:
templates:
  /etc/hostname:
    when:
      - create
      - copy
    create_only: true
    template: hostname.tpl
    properties:
      default: "#cloud-config\\n{}"
`);
    assert.deepEqual(metadata, {
      architecture: "x86_64", creation_date: 1424284563, expiry_date: 1500000000,
      properties: { os: "Debian", release: "3.10", serial: "20260101", variant: "yes", empty: "" },
      templates: {
        "/etc/hostname": {
          when: ["create", "copy"], create_only: true, template: "hostname.tpl", properties: { default: "#cloud-config\n{}" },
        },
      },
    });
  });

  it("fills in what may be left out", () => {
    assert.deepEqual(parseMetadata(`${base}properties: null\ntemplates: {}\n`), {
      architecture: "x86_64", creation_date: 1424284563, expiry_date: 0, properties: {}, templates: {},
    });
  });

  it("reads back what it writes", () => {
    const metadata = parseMetadata(`${base}properties: {a: "0123", b: "on", c: "#x\\ny", d: "1.0"}\ntemplates: {/etc/x: {when: [start, later], template: x.tpl}}`);
    assert.deepEqual(parseMetadata(formatMetadata(metadata)), metadata);
    assert.match(formatMetadata(metadata), /a: "0123"\n/);
    assert.match(formatMetadata(metadata), /when:\n {4}- start\n/);
  });

  const wrong: [string, string, RegExp][] = [
    ["no YAML", "a: [", /not valid YAML/],
    ["a list", "- a", /not a map/],
    ["no text at all", "", /not valid YAML|not a map/],
    ["no architecture", "creation_date: 1", /"architecture" is missing/],
    ["an odd architecture", "architecture: ../x\ncreation_date: 1", /"architecture" is not/],
    ["no creation date", "architecture: x86_64", /"creation_date" is missing/],
    ["a creation date in words", "architecture: x86_64\ncreation_date: today", /"creation_date" is not a whole number/],
    ["an expiry date that is a list", `${base}expiry_date: [1]`, /"expiry_date" is not a whole number/],
    ["properties that are a list", `${base}properties: [a]`, /"properties" is not a map/],
    ["a property that is a map", `${base}properties: {a: {b: c}}`, /"properties.a" is not a string/],
    ["a template for a relative path", `${base}templates: {etc/x: {template: a}}`, /"templates.etc\/x" is not an absolute path/],
    ["a template that climbs", `${base}templates: {/../x: {template: a}}`, /not an absolute path/],
    ["a template path with a NUL", `${base}templates: {"/a\\0b": {template: a}}`, /not an absolute path/],
    ["a template file with a slash", template("template: a/b"), /"templates.\/etc\/x.template" is not the name/],
    ["a template file ..", template("template: .."), /is not the name/],
    ["no template file", template("when: [create]"), /"templates.\/etc\/x.template" is missing/],
    ["a trigger that is no list", template("{template: a, when: create}"), /when" is not a list of words/],
    ["create_only in words", template("{template: a, create_only: perhaps}"), /create_only" is neither/],
    ["too much text", `${base}#${"x".repeat(1024 * 1024)}`, /larger than/],
    ["deep nesting", "[".repeat(100_000), /not valid YAML/],
    ["an alias bomb", `a: &a [x,x]\n${"b: [*a,*a,*a,*a]\n".repeat(100)}`, /not valid YAML/],
    ["a tag of a language", `${base}properties: {a: !!js/function "x"}`, /not valid YAML|not a string/],
  ];
  for (const [what, text, expected] of wrong) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseMetadata(text), (error) => isCode(error, "image_broken") && expected.test(error.message));
    });
  }

  it("keeps __proto__ from meaning anything", () => {
    const { properties } = parseMetadata(`${base}properties: {__proto__: x}`);
    assert.equal(Object.getPrototypeOf(properties), Object.prototype);
  });
});

describe("architecture names", () => {
  it("become the kernel's", () => {
    assert.deepEqual(["amd64", "arm64", "armhf", "i386", "ppc64el", "s390x", "riscv64", "constructor"].map(normalizeArchitecture),
      ["x86_64", "aarch64", "armv7l", "i686", "ppc64le", "s390x", "riscv64", "constructor"]);
    assert.match(hostArchitecture(), /^(x86_64|aarch64|armv7l|riscv64|s390x|ppc64le)$/);
  });
});
