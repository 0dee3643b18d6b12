// The reference page: endpoints, configuration keys and error codes, as Markdown.
import { instanceKeys, unsupportedInstanceKeys } from "./config-keys/instance.ts";
import type { Key, KeyTable } from "./config-keys/key.ts";
import { bridgeKeys } from "./config-keys/network.ts";
import { projectKeys } from "./config-keys/project.ts";
import { serverKeys } from "./config-keys/server.ts";
import { storageKeys } from "./config-keys/storage.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { errorTable } from "./errors.ts";
import { codesOf, tagOf } from "./openapi.ts";

/** All tables of configuration keys, by what they configure. */
export const keyTables: Readonly<Record<string, KeyTable>> = {
  "Instances and profiles": instanceKeys, Networks: bridgeKeys, "Storage pools": storageKeys, Projects: projectKeys, Server: serverKeys,
};

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text: string) => `\`${text}\``;
const row = (...cells: string[]) => `| ${cells.map(cell).join(" | ")} |\n`;
const head = (...cells: string[]) => row(...cells) + row(...cells.map(() => "---"));

function endpointRows(endpoints: Endpoints): string {
  const kinds: Record<Endpoint["kind"], string> = { sync: "", operation: "operation", websocket: "websocket", stream: "its protocol", raw: "bytes" };
  const rows = Object.entries(endpoints)
    .sort(([, a], [, b]) => tagOf(a).localeCompare(tagOf(b), "en"))
    .map(([id, one]) => row(code(`${one.method} ${one.path}`), one.summary, kinds[one.kind], one.untrusted ? `${one.access}, strangers too` : one.access, code(id), codesOf(one).map(code).join(" ")));
  return head("Endpoint", "What it does", "Answers with", "For whom", "Id", "Errors") + rows.join("");
}

function typeText({ type }: Key): string {
  switch (type.kind) {
    case "enum":
      return type.values.map(code).join(", ");
    case "int":
      return `number${type.min === undefined ? "" : `, at least ${type.min}`}${type.max === undefined ? "" : `, at most ${type.max}`}`;
    case "check":
      return type.name;
    default:
      return type.kind;
  }
}

function keyRows(table: KeyTable): string {
  const rows = Object.entries(table).map(([name, key]) =>
    row(code(name), key.description, typeText(key), key.default ?? "", key.readonly ? "kept by Berth" : key.live ? "at once" : ""));
  return head("Key", "What it does", "Value", "Default", "Takes effect") + rows.join("");
}

function errorRows(): string {
  const rows = Object.entries(errorTable).map(([name, { status, message, hint }]) => row(code(name), String(status), message, hint ?? ""));
  return head("Code", "Status", "Message", "Hint") + rows.join("");
}

/** Makes the page. */
export function referencePage(endpoints: Endpoints): string {
  const keys = Object.entries(keyTables).map(([title, table]) => `### ${title}\n\n${keyRows(table)}`).join("\n");
  return `# Reference

Made by \`npm run generate\`; do not edit.

## Endpoints

For whom: \`any\` whom the server trusts; a viewer (\`view\`), operator (\`operate\`) or admin (\`edit\`) of the project; an \`admin\` of the server.

${endpointRows(endpoints)}
## Configuration keys

A name that ends in \`*\` stands for every key that begins so.

${keys}
Keys of LXD's that Berth does not support: ${unsupportedInstanceKeys.map(code).join(", ")}.

## Errors

Replies carry the code in the header \`berth-error-code\`, and the hint in \`berth-error-hint\`.

${errorRows()}`;
}
