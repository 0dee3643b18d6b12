// Having one server give an instance to another: the target fetches it (pull), the source brings it (push), or all goes through here (relay).
import type { InstancesPost } from "../../../server/api/instances.ts";
import type { Operation } from "../../../server/api/operations.ts";
import { CliError, messageOf } from "../../errors.ts";
import { splitSnapshot } from "../../remote.ts";
import type { Server } from "../../remotes/server.ts";
import type { WebSocketClient } from "../../transport/websocket.ts";

export interface Transfer {
  source: Server;
  /** The instance there, or INSTANCE/SNAPSHOT. */
  name: string;
  target: Server;
  /** Of the target; its default when absent. */
  project: string | undefined;
  /** What it is to be there; its `source` says how much of it is wanted. */
  body: InstancesPost;
  mode: string;
}

const prefix = "Transferring instance: ";
/** How much may wait in a relay, in bytes. */
const backlog = 4 * 1024 * 1024;

/** Resolves with the operation of the target. */
export async function transferInstance(transfer: Transfer): Promise<Operation> {
  switch (transfer.mode) {
    case "pull": return pull(transfer);
    case "push": return push(transfer);
    case "relay": return relay(transfer);
    default: throw new CliError(`Unknown transfer mode "${transfer.mode}"`, { hint: "--mode is pull, push or relay." });
  }
}

async function pull(transfer: Transfer): Promise<Operation> {
  const { source, target } = transfer;
  const given = await give(transfer);
  try {
    return await atSomeAddress(source, async (address, certificate) => {
      const taken = await take(transfer, { mode: "pull", operation: `${address}/1.0/operations/${given.id}`, secrets: secretsOf(given), certificate });
      return target.follow(taken, prefix);
    });
  } catch (error) {
    await source.client.deleteOperation({ id: given.id }).catch(() => {}); // it waits for nobody any more
    throw error;
  }
}

async function push(transfer: Transfer): Promise<Operation> {
  const { source, target } = transfer;
  const taken = await take(transfer, { mode: "push" });
  await atSomeAddress(target, async (address, certificate) => {
    const given = await give(transfer, { operation: `${address}/1.0/operations/${taken.id}`, secrets: secretsOf(taken), certificate });
    return source.follow(given, prefix);
  });
  return target.follow(taken);
}

async function relay(transfer: Transfer): Promise<Operation> {
  const { source, target } = transfer;
  const given = await give(transfer);
  const taken = await take(transfer, { mode: "push" });
  const [from, to] = [secretsOf(given), secretsOf(taken)];
  for (const channel of ["control", "fs"]) {
    const legs = await Promise.all([openLeg(source, given, from[channel]), openLeg(target, taken, to[channel])]);
    legs[0].leadTo(legs[1]);
    legs[1].leadTo(legs[0]);
  }
  return target.follow(taken, prefix);
}

async function openLeg(server: Server, { id }: Operation, secret = ""): Promise<Leg> {
  const leg = new Leg();
  await server.openWebsocket(`/1.0/operations/${id}/websocket?secret=${encodeURIComponent(secret)}`, (socket) => leg.take(socket));
  return leg;
}

/** One end of a relay. What comes before the other end is there waits. */
class Leg {
  #socket: WebSocketClient | undefined;
  #other: Leg | undefined;
  #early: (() => void)[] = [];
  #unsent = 0;

  take(socket: WebSocketClient): void {
    this.#socket = socket;
    const pass = (work: (other: Leg) => void) => (this.#other ? work(this.#other) : this.#early.push(() => this.#other && work(this.#other)));
    socket.on("message", (data, isBinary) => {
      this.#unsent += data.length;
      if (this.#unsent > backlog) socket.pause();
      pass((other) => other.#socket?.send(isBinary ? data : data.toString("utf8"), () => {
        this.#unsent -= data.length;
        if (socket.isPaused && this.#unsent < backlog) socket.resume();
      }));
    });
    socket.on("close", () => pass((other) => other.#socket?.close()));
  }

  leadTo(other: Leg): void {
    this.#other = other;
    for (const work of this.#early.splice(0)) work();
  }
}

/** Asks the source for it. */
async function give({ source, name, body }: Transfer, target?: { operation: string; secrets: Record<string, string>; certificate: string }): Promise<Operation> {
  const { instance, snapshot } = splitSnapshot(name);
  const wish = { migration: true, live: body.source?.live ?? false, ...(target ? { target } : {}) };
  if (snapshot !== undefined) return source.client.renameSnapshot({ name: instance, snapshot, body: { ...wish, name: body.name } });
  const { instance_only, container_only, allow_inconsistent } = { allow_inconsistent: false, ...body.source };
  return source.client.renameInstance({ name: instance, body: { ...wish, instance_only, container_only, allow_inconsistent } });
}

/** Has the target wait for it, or fetch it. */
function take({ target, project, body }: Transfer, how: Record<string, unknown>): Promise<Operation> {
  const { live, instance_only, container_only, refresh, "base-image": base } = { "base-image": body.config?.["volatile.base_image"], ...body.source };
  const source = { type: "migration", live, instance_only, container_only, refresh, ...(base === undefined ? {} : { "base-image": base }), ...how };
  return target.client.createInstance({ body: { ...body, source }, project });
}

function secretsOf(operation: Operation): Record<string, string> {
  return Object.fromEntries(Object.entries(operation.metadata ?? {}).flatMap(([name, secret]) => (["control", "fs"].includes(name) && typeof secret === "string" ? [[name, secret]] : [])));
}

/** Tries the addresses at which a server can be reached, until one is good for the other server, too. */
async function atSomeAddress<T>(server: Server, work: (address: string, certificate: string) => Promise<T>): Promise<T> {
  const { environment } = await server.client.getServer();
  const { addresses = [], certificate = "" } = environment ?? {};
  const own = server.settings.addr.startsWith("https:") ? [server.settings.addr.replace(/\/+$/, "")] : [];
  const all = [...new Set([...own, ...addresses.map((address) => `https://${address}`)])];
  if (all.length === 0) {
    throw new CliError(`The server "${server.remote}" isn't listening on the network`, { hint: `berth config set ${server.remote}: core.https_address :8443, or use --mode relay.` });
  }
  const failures: string[] = [];
  for (const address of all) {
    try {
      return await work(address, certificate);
    } catch (error) {
      if (!/Cannot reach|connect:|connection refused|no route/i.test(messageOf(error))) throw error;
      failures.push(messageOf(error));
    }
  }
  throw new CliError(`The servers cannot reach each other:\n${failures.map((line) => ` - ${line}`).join("\n")}`, { hint: "with --mode push the other one connects, with --mode relay all goes through here." });
}
