import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BerthError, isCode } from "../../../../server/api/errors.ts";
import { renderTemplate, renderText, type TemplateContext } from "../../../../images/templates/render.ts";

const instance = { name: "web1", type: "container", architecture: "x86_64", ephemeral: "false", privileged: false } as const;

function makeContext(overrides: Partial<TemplateContext> = {}): TemplateContext {
  return {
    trigger: "create", path: "/etc/hostname", container: instance, instance, devices: { root: { type: "disk", path: "/" } },
    config: { "user.user-data": "#cloud-config\npackages: [a]\r\n\n", "user.x": "1", "limits.cpu": "2" },
    properties: { default: "#cloud-config\n{}" }, ...overrides,
  };
}

const render = (source: string, overrides?: Partial<TemplateContext>) => renderTemplate(source, makeContext(overrides));

describe("templates of real images", () => {
  const cloudInit = `{%- if config_get("cloud-init.user-data", "") == "" -%}
{%- if config_get("user.user-data", "") == "" -%}
{{ properties.default }}
{%- else -%}
{{ config_get("user.user-data", "") }}
{%- endif -%}
{%- else -%}
{{- config_get("cloud-init.user-data", "") }}
{%- endif %}
`;
  const table: [string, string, string, Partial<TemplateContext>?][] = [
    ["a host name", "{{ container.name }}\n", "web1\n"],
    ["a hosts file", "127.0.0.1   localhost\n127.0.1.1   {{ instance.name }}\n::1 ip6-localhost\n", "127.0.0.1   localhost\n127.0.1.1   web1\n::1 ip6-localhost\n"],
    ["cloud-init data by default", cloudInit, "#cloud-config\n{}\n", { config: {} }],
    ["cloud-init data of the user", cloudInit, "#cloud-config\npackages: [a]\n"],
    ["cloud-init data of its own key", cloudInit, "#cloud-config\nhi\n", { config: { "cloud-init.user-data": "#cloud-config\nhi\n" } }],
    ["cloud-init meta-data", "#cloud-config\ninstance-id: {{ container.name }}\nlocal-hostname: {{ container.name }}\n{{ config_get(\"user.meta-data\", \"\") }}\n",
      "#cloud-config\ninstance-id: web1\nlocal-hostname: web1\n\n"],
    ["a default from the properties", "{{ config_get(\"user.vendor-data\", properties.default) }}", "#cloud-config\n{}"],
    ["network settings", "{% if config_get(\"user.network_mode\", \"\") == \"link-local\" %}BOOTPROTO=none{% elif config_get(\"user.network_mode\", \"\") == \"dhcp\" %}BOOTPROTO=dhcp{% else %}DEVICE=eth0{% endif %}\n",
      "BOOTPROTO=dhcp\n", { config: { "user.network_mode": "dhcp" } }],
    ["Gentoo's host name", "hostname=\"{{ container.name }}\"\n", "hostname=\"web1\"\n"],
    ["OpenWrt's host name", "uci set system.@system[0].hostname='{{ container.name }}'\n", "uci set system.@system[0].hostname='web1'\n"],
  ];
  for (const [what, source, expected, overrides] of table) {
    it(`render ${what}`, () => assert.equal(render(source, overrides), expected));
  }
});

describe("the template language", () => {
  const table: [string, string][] = [
    ["plain text", "plain text"], ["{{ nothing }}|{{ nothing.at.all }}|{{ config.nothing }}", "||"],
    ["{{ trigger }} {{ path }}", "create /etc/hostname"], ["{{ config[\"limits.cpu\"] }}{{ devices.root.type }}{{ devices['root']['path'] }}", "2disk/"],
    ["{{ container.privileged }} {{ instance.ephemeral }} {{ true }}", "False false True"], ["{{ 1 }} {{ 1.5 }} {{ -2 }}", "1 1.500000 -2"],
    ["{{ 'a\\'b\"}}' }}", "a'b\"}}"], ["{{ \"line\\nbreak\" }}", "line\nbreak"],
    ["{{ 1 + 2 * 3 }} {{ 7 % 4 - 1 }} {{ 'a' + 'b' }} {{ (1 + 2) * 3 }}", "7 2 ab 9"],
    ["{{ 1 == 1 and 2 != 3 }}{{ 1 > 2 or 2 >= 2 }}{{ not 1 == 2 }}{{ !true || 'a' && 'b' }}{{ 'a' <> 'b' }}", "TrueTrueTrueTrueTrue"],
    ["{{ 'b' in 'abc' }}{{ 'user.x' in config }}{{ 'q' not in config }}{{ \"10\" > \"9\" }}", "TrueTrueTrueTrue"],
    ["{% if false or true and false %}a{% else %}b{% endif %}", "b"], ["{% if not trigger %}a{% elif trigger == \"create\" %}b{% endif %}", "b"],
    ["{% ifequal trigger \"create\" %}a{% else %}b{% endifequal %}{% ifnotequal 1 2 %}c{% endifnotequal %}", "ac"],
    ["{% for k, v in config %}{{ forloop.Counter }}{{ k }}{% if not forloop.Last %},{% endif %}{% endfor %}", "1limits.cpu,2user.user-data,3user.x"],
    ["{% for c in 'abc' reversed %}{{ c }}{{ forloop.counter0 }}{% empty %}x{% endfor %}{% for c in nothing %}a{% empty %}x{% endfor %}", "c0b1a2x"],
    ["{% for w in 'b a'|split:' ' sorted %}{{ w }}{% endfor %}", "ab"],
    ["{% set x = 1 %}{% for c in 'ab' %}{% set x = 2 %}{% endfor %}{% if 1 %}{% set y = 3 %}{% endif %}{{ x }}{{ y }}", "13"],
    ["{% with a=1 b='x' %}{{ a }}{{ b }}{% endwith %}{% with 2 as a %}{{ a }}{% endwith %}{{ a }}", "1x2"],
    ["a{# {{ b }} #}c{% comment %}{% if %} {{ \"{% endcomment %}d", "acd"], ["{% verbatim %}{{ x }}{% endverbatim %}", "{{ x }}"],
    ["a \n {{- 1 -}} \n b {%- if 1 -%} c {%- endif -%} d", "a1bcd"], ["a {% if 1 -%} b {%- endif %} c", "a b c"],
    ["{% autoescape off %}{{ '<' }}{% endautoescape %}{% autoescape on %}{{ '<' }}{{ '<'|safe }}{{ '<'|escape }}{% endautoescape %}{{ '<' }}", "<&lt;<&lt;<"],
    ["{{ nothing|default:'a' }}{{ ''|default:\"b\" }}{{ ''|default_if_none:'c' }}{{ nil|default_if_none:'d' }}", "abd"],
    ["{{ 'AbC'|lower }}{{ 'b'|upper }}{{ 'the end'|title }}{{ 'x y'|capfirst }}{{ ' t '|trim }}", "abcBThe EndX yt"],
    ["{{ 'abc'|length }}{{ config|length }}{{ 'a,b'|split:','|join:'-' }}{{ 'aXbX'|replace:'X,yy' }}{{ 'aXb'|cut:'X' }}", "33a-bayybyyab"],
    ["{{ 'abc'|first }}{{ 'abc'|last }}{{ 'abcdef'|slice:'1:3' }}{{ 'abc'|slice:':-1' }}{{ 'abcdef'|truncatechars:5 }}", "acbcabab..."],
    ["{{ true|yesno:'on,off' }}{{ ''|yesno }}{{ nothing|yesno }}{{ 2|add:3 }}", "onnomaybe5"],
    ["{{ config_get('user.user-data') }}", "#cloud-config\npackages: [a]"], ["{{ config_get('no') }}{{ config_get('no', 'x')|upper }}", "X"],
  ];
  for (const [source, expected] of table) {
    it(`renders ${source}`, () => assert.equal(render(source), expected));
  }

  it("formats dates by Go's layouts", () => {
    const creation_date = new Date(2026, 0, 2, 15, 4, 5, 67);
    const format = (layout: string) => renderText(`{{ creation_date|date:'${layout}' }}`, { creation_date });
    assert.equal(format("2006-01-02_15-04-05"), "2026-01-02_15-04-05");
    assert.equal(format("Monday, 2 January 06 3:04PM .000"), "Friday, 2 January 26 3:04PM .067");
    assert.equal(renderText("snap-{{ creation_date|date:\"20060102\" }}-%d", { creation_date }), "snap-20260102-%d");
  });
});

describe("hostile templates", () => {
  const empty = [
    "{{ container.__proto__ }}", "{{ container.constructor }}", "{{ \"\".constructor }}", "{{ config_get.constructor }}", "{{ config['__proto__'] }}",
    "{{ config.constructor.constructor }}", "{{ config_get.call }}", "{{ (1).constructor }}", "{{ forloop.constructor }}", "{{ __proto__ }}",
    "{{ 'a'|split:','|first.constructor }}", "{{ devices.root.toString }}", "{{ config_get('constructor') }}", "{{ config_get('__proto__', '') }}", "{{ this }}{{ process }}{{ globalThis }}",
  ];
  for (const source of empty) {
    it(`get nothing from ${source}`, () => {
      try {
        assert.equal(render(source), "");
      } catch (error) {
        assert.ok(isCode(error, "image_broken"));
      }
    });
  }

  const refused: [string, RegExp][] = [
    ["{{ config_get.constructor(\"return process\")() }}", /line 1: something is called that is no function/], ["{{ \"\".constructor.constructor('x') }}", /no function/],
    ["a\n\n{% include \"/etc/passwd\" %}", /line 3: the tag "include" is not allowed/], ["{% import \"x\" y %}", /"import" is not allowed/],
    ["{% extends \"x\" %}", /"extends" is not allowed/], ["{% ssi \"/etc/passwd\" %}", /"ssi" is not allowed/], ["{% exec \"id\" %}", /"exec" is not allowed/],
    ["{% lorem %}", /the tag "lorem" is not known/], ["{{ 1|nope }}", /the filter "nope" is not known/], ["{{ 1", /not closed/], ["{{ ` }}", /not closed, or/],
    ["{% if 1 %}", /\{% endif %\} is missing/], ["{% endif %}", /has no beginning/], ["{# x", /not closed/], ["{{ 1 2 }}", /nothing more is expected at "2"/],
    ["{{ }}", /a value is expected/], ["{% comment %}", /no \{% endcomment %\}/], ["{{ 'x'|date:'2006' }}", /needs a date/],
    [`{{ ${"(".repeat(60)}1${")".repeat(60)} }}`, /nests deeper/], [`${"{% if 1 %}".repeat(60)}${"{% endif %}".repeat(60)}`, /nests deeper/],
    [`{{ ${"config[".repeat(60)}1${"]".repeat(60)} }}`, /nests deeper/], ["x".repeat(1024 * 1024 + 1), /longer than/],
    [`${"{% set x = 'aaaaaaaa' %}"}${"{% set x = x + x %}".repeat(30)}`, /more than 4194304 characters/],
    [`${"{% set x = 'aaaaaaaa' %}"}${"{% set x = x|replace:'a,aaaaaaaa' %}".repeat(30)}`, /more than 4194304 characters/],
    [`{% set x = '${"a".repeat(400)}' %}{% for a in x %}{% for b in x %}{% for c in x %}{{ c }}{% endfor %}{% endfor %}{% endfor %}`, /more than 100000 steps/],
    [`{% set x = '${"a".repeat(500_000)}' %}${"{{ x }}".repeat(20)}`, /more than 4194304 characters/],
  ];
  for (const [source, expected] of refused) {
    it(`are refused: ${source.slice(0, 60)}`, () => {
      assert.throws(() => render(source), (error) => isCode(error, "image_broken") && expected.test(error.message));
    });
  }

  it("do not overflow the stack by their length", () => {
    assert.equal(render(`{{ ${"!".repeat(200_000)}1 }}{{ 1${" and 1".repeat(20_000)} }}{{ 'a'${"|lower".repeat(9_000)} }}`), "TrueTruea");
    assert.equal(render(`{{ config${".a".repeat(30_000)} }}`), "");
    assert.throws(() => render(`{{ "${"\\a".repeat(400_000)} }}`), (error) => isCode(error, "image_broken"));
  });

  it("never throw anything but a BerthError, and never hang", () => {
    const pieces = fc.constantFrom(
      "{{ ", " }}", "{% ", " %}", "{%- ", "-}}", "if ", "else", "endif", "for k, v in ", "endfor", "set x = ", "with ", "endwith", "config", "x", ".", "[", "]", "(", ")",
      "\"a\"", "'", "config_get", "|", "upper", "replace", "slice", ":", "1", "-", "+", "*", "==", "in ", "not ", "and ", "__proto__", "constructor", "{#", "#}", "comment", "endcomment", " ", "\n", "é", "\0",
    );
    fc.assert(fc.property(fc.oneof(fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join("")), fc.string()), (source) => {
      try {
        assert.equal(typeof render(source), "string");
      } catch (error) {
        assert.ok(error instanceof BerthError, String(error));
      }
    }), { numRuns: 5000 });
  });

  it("print text without template marks as it is", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }).filter((text) => !/\{[{%#]/.test(text)), (text) => render(text) === text));
  });
});
