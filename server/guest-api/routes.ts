// What guests can ask for. The table at the end has all of it but the events, which do not end.
import { hostname } from "node:os";
import { isTrue } from "../api/config-keys/key.ts";
import type { Config } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import type { RawReply } from "../http/replies.ts";
import { exportImage } from "../image-library/export.ts";
import type { Layer } from "../instances/config.ts";
import { setReady } from "../instances/ready.ts";
import type { InstanceRecord } from "../instances/store.ts";
import { defaultProject } from "../projects/store.ts";
import { isForGuests } from "./changes.ts";
import { GuestError, jsonReply, textReply } from "./replies.ts";

export interface GuestCall {
  readonly ctx: Context;
  readonly instance: InstanceRecord;
  readonly expanded: Layer;
  readonly path: string;
  readonly query: URLSearchParams;
  /** What stands in the path where the route has a group. */
  params: readonly string[];
  body: string;
}

interface Route {
  method: "GET" | "PATCH";
  path: RegExp;
  takesBody?: boolean;
  handler: (call: GuestCall) => RawReply | Promise<RawReply>;
}

const about = ({ instance }: GuestCall) => jsonReply({
  api_version: "1.0", location: hostname(), instance_type: "container", state: isTrue(instance.config["volatile.last_state.ready"] ?? "") ? "Ready" : "Started",
});

async function changeState({ ctx, instance, body }: GuestCall): Promise<RawReply> {
  const state = stateIn(body);
  if (state !== "Ready" && state !== "Started") throw new GuestError(400, `Invalid state ${JSON.stringify(state.slice(0, 80))}`);
  await setReady(ctx, instance, state === "Ready");
  return textReply("");
}

function stateIn(body: string): string {
  try {
    return String((JSON.parse(body) as { state?: unknown } | null)?.state ?? "");
  } catch {
    throw new GuestError(400, "Invalid request body: it is not valid JSON");
  }
}

const listKeys = ({ expanded }: GuestCall) => jsonReply(Object.keys(expanded.config).filter(isForGuests).sort().map((key) => `/1.0/config/${key}`));

function readKey({ expanded, params: [key = ""] }: GuestCall): RawReply {
  if (!isForGuests(key)) throw new GuestError(403, "not authorized");
  const value = Object.hasOwn(expanded.config, key) ? expanded.config[key] : undefined;
  if (!value) throw new GuestError(404, "not found");
  return textReply(value);
}

function metaData({ instance, expanded }: GuestCall): RawReply {
  const id = instance.config["volatile.cloud-init.instance-id"] || instance.name;
  return textReply(`#cloud-config\ninstance-id: ${id}\nlocal-hostname: ${instance.name}\n${expanded.config["user.meta-data"] ?? ""}`);
}

const devices = ({ instance, expanded }: GuestCall) =>
  jsonReply(Object.fromEntries(Object.entries(expanded.devices).map(([name, options]) => [name, withAddress(name, options, instance.config)])));

function withAddress(name: string, options: Config, config: Config): Config {
  const hwaddr = config[`volatile.${name}.hwaddr`];
  return options["type"] === "nic" && !options["hwaddr"] && hwaddr ? { ...options, hwaddr } : options;
}

/** Those of the guest's project that anybody may have, or that are only kept for the next to ask. Guests name the default project without meaning it. */
function image({ ctx, instance, expanded, params: [fingerprint = ""], query }: GuestCall): Promise<RawReply> {
  if (!isTrue(expanded.config["security.devlxd.images"] ?? "")) throw new GuestError(403, "not authorized");
  const [wanted, own] = [query.get("project") ?? defaultProject, instance.project];
  const found = [defaultProject, own].includes(wanted) && ctx.images.store.has(own, fingerprint) ? ctx.images.store.get(own, fingerprint) : undefined;
  if (!found?.public && !found?.cached) throw new GuestError(404, "not found");
  return exportImage(ctx, found);
}

const none = () => textReply("");

const routes: readonly Route[] = [
  { method: "GET", path: /^\/$/, handler: () => jsonReply(["/1.0"]) },
  { method: "GET", path: /^\/1\.0$/, handler: about },
  { method: "PATCH", path: /^\/1\.0$/, takesBody: true, handler: changeState },
  { method: "GET", path: /^\/1\.0\/config$/, handler: listKeys },
  { method: "GET", path: /^\/1\.0\/config\/([^/]+)$/, handler: readKey },
  { method: "GET", path: /^\/1\.0\/meta-data$/, handler: metaData },
  { method: "GET", path: /^\/1\.0\/devices$/, handler: devices },
  { method: "GET", path: /^\/1\.0\/events$/, handler: none },
  { method: "GET", path: /^\/1\.0\/images\/([0-9a-f]{64})\/export$/, handler: image },
];

/** The route for a request, whose `params` it fills in. Throws when there is none. */
export function routeOf(method: string, call: GuestCall): Route {
  const fitting = routes.filter(({ path }) => path.test(call.path));
  if (fitting.length === 0) throw new GuestError(404, "not found");
  const route = fitting.find((one) => one.method === method);
  if (!route) throw new GuestError(405, `Method ${JSON.stringify(method)} not found`);
  try {
    call.params = (route.path.exec(call.path) ?? []).slice(1).map(decodeURIComponent);
  } catch {
    throw new GuestError(400, "that is no path");
  }
  return route;
}
