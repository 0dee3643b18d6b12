// What the measurements are made of: launching, waiting for an address, deleting; through the raw API, timed.
import { get } from "node:http";
import { connect } from "node:net";
import type { Result } from "../helpers/exec.ts";
import { busyboxImages } from "../helpers/images.ts";
import { pause } from "../helpers/wait.ts";
import { imageAlias, type Peer } from "./peers.ts";

/** Milliseconds that some work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

/** Throws unless the client succeeded. */
export async function ok(running: Promise<Result>): Promise<void> {
  const { code, stderr, stdout } = await running;
  if (code !== 0) throw new Error(stderr || stdout || `status ${code}`);
}

export function create(peer: Peer, name: string, alias = imageAlias): Promise<unknown> {
  return peer.must("POST", "/1.0/instances", { name, type: "container", source: { type: "image", alias } });
}

export function changeState(peer: Peer, name: string, action: "start" | "stop"): Promise<unknown> {
  return peer.must("PUT", `/1.0/instances/${name}/state`, { action, timeout: 30, force: action === "stop" });
}

/** Requests on one connection, each after the answer to the one before, with next to no work of our own. */
export async function askOften(socketPath: string, path: string, times: number): Promise<void> {
  const socket = connect(socketPath);
  try {
    for (let i = 0; i < times; i++) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: berth\r\n\r\n`);
      await new Promise<void>((resolve, reject) => {
        let text = "";
        const take = (data: Buffer) => {
          text += data.toString("latin1");
          if (!text.endsWith("\n") || !text.includes("\r\n\r\n{")) return;
          socket.off("data", take);
          if (text.startsWith("HTTP/1.1 200 ")) resolve();
          else reject(new Error(text.slice(0, 200)));
        };
        socket.on("data", take).once("error", reject);
      });
      socket.removeAllListeners("error");
    }
  } finally {
    socket.destroy();
  }
}

/** Imports the small image, unless another measure has. */
export async function importSmall(peer: Peer): Promise<void> {
  if ((await peer.request("GET", "/1.0/images/aliases/small")).status === 200) return;
  await ok(peer.lxc("image", "import", ...(await busyboxImages()).unified, "--alias", "small"));
}

/** Deletes the images whose aliases begin so. */
export async function removeImages(peer: Peer, start: string): Promise<void> {
  const aliases = (await peer.must("GET", "/1.0/images/aliases?recursion=1")) as { name: string; target: string }[];
  for (const { target } of aliases.filter(({ name }) => name.startsWith(start))) await peer.must("DELETE", `/1.0/images/${target}`);
}

/** One request whose answer is read and thrown away. */
export function ask(socketPath: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${path}: status ${answer.statusCode}`));
      answer.resume().once("end", resolve).once("error", reject);
    }).once("error", reject);
  });
}

export async function launch(peer: Peer, name: string, alias = imageAlias): Promise<void> {
  await create(peer, name, alias);
  await changeState(peer, name, "start");
}

export async function destroy(peer: Peer, name: string): Promise<void> {
  await changeState(peer, name, "stop");
  await peer.must("DELETE", `/1.0/instances/${name}`);
}

interface State {
  network: Record<string, { addresses: { family: string; scope: string }[] }> | null;
}

/** Waits for a global IPv4 address in the instance's state. */
export async function address(peer: Peer, name: string, limit = 60_000): Promise<void> {
  for (const until = Date.now() + limit; Date.now() < until; await pause(5)) {
    const { network } = (await peer.must("GET", `/1.0/instances/${name}/state`)) as State;
    const cards = Object.entries(network ?? {}).filter(([card]) => card !== "lo");
    if (cards.some(([, card]) => card.addresses.some(({ family, scope }) => family === "inet" && scope === "global"))) return;
  }
  throw new Error(`${peer.name}: ${name} has no IPv4 address after ${limit / 1000} s`);
}
