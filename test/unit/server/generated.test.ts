// What is made from the contract is up to date, whole, and means what the contract says.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Endpoint } from "../../../server/api/endpoint.ts";
import { errorTable } from "../../../server/api/errors.ts";
import { generatedFiles } from "../../../server/api/generated-files.ts";
import { endpoints } from "../../../server/api/index.ts";
import { keyTables } from "../../../server/api/reference.ts";

const read = (name: string) => readFileSync(new URL(`../../../server/api/generated/${name}`, import.meta.url), "utf8");
const files = generatedFiles();
const document = JSON.parse(files["openapi.json"] ?? "");
const page = files["reference.md"] ?? "";
const all = Object.entries(endpoints) as [string, Endpoint][];

test("the generated files are those of the contract as it is (npm run generate)", () => {
  for (const [name, text] of Object.entries(files)) assert.ok(read(name) === text, `server/api/generated/${name} is out of date: npm run generate`);
});

test("every endpoint is an operation of the document, with its parameters", () => {
  for (const [id, endpoint] of all) {
    const operation = document.paths[endpoint.path.replace(/[:*]([a-z]+)/g, "{$1}")]?.[endpoint.method.toLowerCase()];
    assert.equal(operation?.operationId, id);
    assert.equal(operation.summary, endpoint.summary);
    const inPath = operation.parameters.filter((one: { in: string }) => one.in === "path").map(({ name }: { name: string }) => name);
    assert.deepEqual(inPath, [...endpoint.path.matchAll(/[:*]([a-z]+)/g)].map((match) => match[1]));
    const success = { sync: String(endpoint.status ?? 200), operation: "202", raw: "200", websocket: "101", stream: "101" }[endpoint.kind];
    assert.ok(operation.responses[success], `${id} ${success}`);
    assert.equal(operation.requestBody === undefined, endpoint.body === undefined);
    for (const code of endpoint.errors ?? []) {
      assert.ok(operation.responses[String(errorTable[code].status)].description.includes(`${code}: `), `${id} ${code}`);
    }
  }
});

test("the document refers to nothing that it does not have", () => {
  const refs = [...(files["openapi.json"] ?? "").matchAll(/"\$ref": "#\/components\/schemas\/(\w+)"/g)].map((match) => match[1] ?? "");
  assert.ok(refs.length > 100, String(refs.length));
  assert.deepEqual([...new Set(refs)].filter((name) => !Object.hasOwn(document.components.schemas, name)), []);
});

test("the reference names every endpoint, configuration key and error code", () => {
  for (const [, { method, path }] of all) assert.ok(page.includes(`| \`${method} ${path}\` |`), path);
  const keys = Object.values(keyTables).flatMap((table) => Object.keys(table));
  assert.ok(keys.length > 40, String(keys.length));
  for (const key of keys) assert.ok(page.includes(`| \`${key}\` |`), key);
  for (const [code, { status }] of Object.entries(errorTable)) assert.ok(page.includes(`| \`${code}\` | ${status} |`), code);
});
