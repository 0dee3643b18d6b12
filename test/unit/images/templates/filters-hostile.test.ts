// Code that a template tries to run through every filter, attribute and operator: nothing of JavaScript is ever reached.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BerthError } from "../../../../server/api/errors.ts";
import { isFilter } from "../../../../images/templates/filters.ts";
import { renderTemplate } from "../../../../images/templates/render.ts";

/** Django's and pongo2's: those that there are here are tried. */
const known = [
  "add", "addslashes", "capfirst", "center", "cut", "date", "default", "default_if_none", "dictsort", "divisibleby", "escape", "escapejs", "filesizeformat", "first", "floatformat",
  "get_digit", "iriencode", "join", "last", "length", "length_is", "linebreaks", "linebreaksbr", "linenumbers", "ljust", "lower", "make_list", "phone2numeric", "pluralize", "random",
  "removetags", "replace", "rjust", "safe", "slice", "slugify", "split", "striptags", "time", "title", "trim", "truncatechars", "truncatewords", "unordered_list", "upper", "urlencode", "urlize", "wordcount", "wordwrap", "yesno",
];
const filters = known.filter(isFilter);
const attributes = ["constructor", "__proto__", "prototype", "toString", "valueOf", "call", "apply", "bind", "caller", "arguments", "length", "hasOwnProperty", "__defineGetter__", "then", "Symbol.iterator", "name"];
const values = ["container", "config", "devices", "devices.root", "properties", "config_get", "\"text\"", "1", "1.5", "true", "none", "config_get(\"user.x\")", "\"a,b\"|split:\",\"", "nothing"];
const payloads = ["constructor(\"return process\")()", "constructor.constructor(\"throw globalThis\")()", "__proto__.polluted", "toString()", "call(null)"];

/** What comes out; empty for an error, which must be one for the user. */
function attempt(source: string): string {
  try {
    return renderTemplate(source, {
      trigger: "create", path: "/etc/x", container: { name: "c", type: "container", architecture: "x86_64", ephemeral: "false", privileged: false },
      instance: { name: "c", type: "container", architecture: "x86_64", ephemeral: "false", privileged: false },
      devices: { root: { type: "disk", path: "/" } }, config: { "user.x": "1" }, properties: { default: "d" },
    });
  } catch (error) {
    assert.ok(error instanceof BerthError, `${source}: ${(error as Error).stack}`);
    return "";
  }
}

const escaped = /native code|\[object|function|=>|process|globalThis|Symbol\(/;

describe("a template that tries to run code", () => {
  it("knows the filters that are tried", () => assert.ok(filters.length >= 20, filters.join(" ")));

  for (const filter of filters) {
    it(`gets nowhere by the filter ${filter}`, () => {
      for (const value of values) {
        for (const attribute of attributes) {
          for (const source of [`{{ ${value}|${filter}:${value}.${attribute} }}`, `{{ (${value}.${attribute})|${filter}:"x" }}`, `{{ ${value}.${attribute}|${filter} }}`, `{{ ${value}|${filter}|${attribute} }}`]) {
            assert.doesNotMatch(attempt(source), escaped, source);
          }
        }
      }
    });
  }

  for (const value of values) {
    it(`gets nowhere from ${value}`, () => {
      for (const payload of payloads) {
        for (const source of [`{{ ${value}.${payload} }}`, `{{ ${value}["${payload.split("(")[0]}"]("return 1") }}`, `{% if ${value}.${payload} %}{{ ${value}.${payload} }}{% endif %}`, `{% set x = ${value}.${payload} %}{{ x }}`, `{% for k in ${value}.${payload} %}{{ k }}{% endfor %}`, `{{ ${value}.${payload} + ${value}.${payload} }}`]) {
          assert.doesNotMatch(attempt(source), escaped, source);
        }
      }
    });
  }

  it("leaves nothing in prototypes", () => {
    attempt('{% set container.__proto__.polluted = "x" %}{% with __proto__="x" %}{% endwith %}{% for __proto__ in devices %}{% endfor %}');
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });
});
