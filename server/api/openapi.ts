// The contract as an OpenAPI 3.1 document.
import { errorCodeHeader, errorHintHeader } from "./envelope.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { type ErrorCode, errorTable } from "./errors.ts";

type Json = Record<string, unknown>;

/** Errors that any call may meet. */
const common: readonly ErrorCode[] = ["bad_request", "forbidden", "internal", "shutting_down"];

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** `:name` and `*name` as OpenAPI writes them. */
function pathOf(path: string): string {
  return path.replace(/[:*]([a-z]+)/g, "{$1}");
}

function parametersOf(endpoint: Endpoint): Json[] {
  const inPath = [...endpoint.path.matchAll(/([:*])([a-z]+)/g)].map(([, kind, name]) => ({
    name, in: "path", required: true, schema: { type: "string" }, ...(kind === "*" ? { description: "May hold slashes, encoded or not" } : {}),
  }));
  const inQuery = Object.entries((endpoint.query?.properties ?? {}) as Record<string, Json>).map(([name, { description, ...schema }]) => ({
    name, in: "query", required: false, schema, ...(description ? { description } : {}),
  }));
  const ifMatch = { name: "If-Match", in: "header", required: false, schema: { type: "string" }, description: `ETag of ${endpoint.precondition}` };
  return [...inPath, ...inQuery, ...(endpoint.precondition ? [ifMatch] : [])];
}

function bodyOf({ body, upload }: Endpoint): Json | undefined {
  if (body === undefined) return undefined;
  if (body === "stream") return { content: { "application/octet-stream": {}, "multipart/form-data": {} } };
  return { content: { "application/json": { schema: body }, ...(upload ? { "application/octet-stream": { schema: { type: "string", format: "binary", description: upload } } } : {}) } };
}

const json = (schema: Json): Json => ({ "application/json": { schema } });
const envelope = (name: string, metadata: unknown): Json => ({ allOf: [ref(name), { type: "object", properties: { metadata } }] });

function successOf(endpoint: Endpoint): Json {
  switch (endpoint.kind) {
    case "websocket":
      return { "101": { description: "A websocket" } };
    case "stream":
      return { "101": { description: "Another protocol on this connection" } };
    case "raw":
      return { "200": { description: "The bytes", content: { "application/octet-stream": {} } } };
    case "operation":
      return {
        "202": {
          description: "An operation has started", headers: { Location: { schema: { type: "string" } } }, content: json(ref("AsyncEnvelope")),
          ...(endpoint.response ? { "x-operation-metadata": endpoint.response } : {}),
        },
      };
    case "sync": {
      const headers = endpoint.status === 201 ? { Location: { schema: { type: "string" } } } : endpoint.etag ? { ETag: { schema: { type: "string" } } } : undefined;
      const metadata = endpoint.status === 201 ? { type: "null" } : (endpoint.response ?? { type: "object", maxProperties: 0 });
      const content = json(envelope("SyncEnvelope", metadata));
      const orOperation = endpoint.orOperation ? { "202": { description: "An operation has started", content: json(ref("AsyncEnvelope")) } } : {};
      return { ...orOperation, [String(endpoint.status ?? 200)]: { description: endpoint.status === 201 ? "Created" : "Done", ...(headers ? { headers } : {}), content } };
    }
  }
}

/** The codes an endpoint may answer with, besides those any call may meet. */
export function codesOf(endpoint: Endpoint): ErrorCode[] {
  const codes = new Set<ErrorCode>(endpoint.errors ?? []);
  if (endpoint.query && "project" in endpoint.query.properties) codes.add("project_not_found");
  if (endpoint.body && endpoint.body !== "stream") codes.add("bad_body").add("body_too_large");
  if (endpoint.precondition) codes.add("etag_mismatch");
  return [...codes].sort();
}

function failuresOf(endpoint: Endpoint): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codesOf(endpoint), ...common]) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const headers = { [errorCodeHeader]: { schema: { type: "string" } }, [errorHintHeader]: { schema: { type: "string" }, description: "URI-encoded" } };
  return Object.fromEntries([...byStatus].sort(([a], [b]) => a - b).map(([status, codes]) => [
    String(status), { description: codes.map((code) => `${code}: ${errorTable[code].message}`).join("\n"), headers, content: json(ref("ErrorEnvelope")) },
  ]));
}

function operationOf(id: string, endpoint: Endpoint): Json {
  const body = bodyOf(endpoint);
  return {
    operationId: id, summary: endpoint.summary, tags: [tagOf(endpoint)], parameters: parametersOf(endpoint), ...(body ? { requestBody: body } : {}),
    responses: { ...successOf(endpoint), ...failuresOf(endpoint) },
    "x-access": endpoint.access, ...(endpoint.since ? { "x-api-extension": endpoint.since } : {}), ...(endpoint.untrusted ? { security: [] } : {}),
  };
}

/** The resource an endpoint belongs to. */
export function tagOf({ path }: Pick<Endpoint, "path">): string {
  return path.split("/")[2] ?? "server";
}

function envelopeSchema(type: string, metadata: Json): Json {
  const required = ["type", "status", "status_code", "operation", "error_code", "error", "metadata"];
  const text = { type: "string" };
  const number = { type: "integer" };
  return {
    type: "object", required,
    properties: { type: { const: type }, status: text, status_code: number, operation: text, error_code: number, error: text, metadata },
  };
}

/** Makes the document. `operation` is the schema of an operation. */
export function openApi(endpoints: Endpoints, operation: object, version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [id, endpoint] of Object.entries(endpoints)) {
    const path = (paths[pathOf(endpoint.path)] ??= {});
    path[endpoint.method.toLowerCase()] = operationOf(id, endpoint);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Berth", version, description: "The API of berthd, compatible with LXD's.", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      schemas: {
        Operation: operation,
        SyncEnvelope: envelopeSchema("sync", {}),
        AsyncEnvelope: envelopeSchema("async", ref("Operation")),
        ErrorEnvelope: envelopeSchema("error", { type: "null" }),
      },
    },
  };
}
