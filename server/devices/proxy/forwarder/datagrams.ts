// Datagrams: each client of a listening socket has a socket of its own towards the target, as long as something passes.
import type { Socket as Datagrams } from "node:dgram";
import type { Socket } from "node:net";
import type { ProxySpec } from "../spec.ts";
import { connectDatagrams, openDatagrams } from "./connect.ts";
import type { Side } from "./guest.ts";
import type { Listening } from "./listen.ts";

/** Milliseconds after which a client that has been silent is forgotten: answered ones are kept longer, as the kernel's own NAT does. */
export const idle = { asked: 30_000, answered: 180_000 } as const;
const sweepEvery = 5000;
/** Clients of one port at a time; the one that has been silent longest makes room. */
const mostFlows = 4096;
/** Datagrams that wait for a flow's socket. */
const mostWaiting = 64;
/** Bytes that may wait for a slow stream; what comes beyond is lost, as datagrams are. */
const mostQueued = 1024 * 1024;
const largest = 65507;

interface Flow {
  socket: Datagrams;
  last: number;
  answered: boolean;
  waiting: Buffer[] | undefined;
}

/** A socket to the target that keeps what is sent before it is connected. */
function makeFlow(socket: Datagrams): Flow {
  const flow: Flow = { socket, last: Date.now(), answered: false, waiting: [] };
  socket.once("connect", () => {
    for (const bytes of flow.waiting ?? []) socket.send(bytes, () => {});
    flow.waiting = undefined;
  });
  return flow;
}

function sendThrough(flow: Flow, bytes: Buffer): void {
  flow.last = Date.now();
  if (!flow.waiting) flow.socket.send(bytes, () => {}); // a target that is not there loses datagrams
  else if (flow.waiting.length < mostWaiting) flow.waiting.push(bytes);
}

function close(socket: Datagrams): void {
  try {
    socket.close();
  } catch {
    // closed already
  }
}

/** Relays between the clients of a listening socket and the target. The result ends it. */
export function serveDatagrams({ fd, six, index }: Listening, side: Side, spec: ProxySpec, failed: (error: Error) => void): () => void {
  const listener = openDatagrams(fd, six);
  const flows = new Map<string, Flow>();

  const forget = (client: string) => {
    const flow = flows.get(client);
    flows.delete(client);
    if (flow) close(flow.socket);
  };
  const begin = (client: string, port: number, address: string): Flow => {
    const oldest = flows.size >= mostFlows ? flows.keys().next().value : undefined;
    if (oldest !== undefined) forget(oldest);
    const flow = makeFlow(connectDatagrams(side, spec, index));
    flows.set(client, flow);
    flow.socket.on("message", (bytes) => {
      flow.answered = true;
      flow.last = Date.now();
      listener.send(bytes, port, address, () => {});
    });
    flow.socket.on("error", () => forget(client)); // nobody listens there
    return flow;
  };

  listener.on("message", (bytes, { address, port }) => {
    const client = `${address} ${port}`;
    try {
      const flow = flows.get(client) ?? begin(client, port, address);
      flows.delete(client); // to the end: the map is in the order of use
      flows.set(client, flow);
      sendThrough(flow, bytes);
    } catch (error) {
      failed(error as Error);
    }
  });
  listener.on("error", failed);
  const sweep = setInterval(() => {
    const now = Date.now();
    for (const [client, flow] of flows) if (now - flow.last > (flow.answered ? idle.answered : idle.asked)) forget(client);
  }, sweepEvery);
  return () => {
    clearInterval(sweep);
    for (const client of [...flows.keys()]) forget(client);
    close(listener);
  };
}

/** Milliseconds that answers are waited for after a stream's client has said all. */
const lastAnswers = 5000;

/** Joins a stream to datagrams: each piece that is read is one, and each that comes back is written. */
export function relayToDatagrams(stream: Socket, socket: Datagrams): void {
  const flow = makeFlow(socket);
  let timer: NodeJS.Timeout | undefined;
  stream.on("data", (bytes) => {
    for (let at = 0; at < bytes.length; at += largest) sendThrough(flow, bytes.subarray(at, at + largest));
  });
  const endSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stream.end(), lastAnswers);
  };
  stream.on("end", endSoon);
  socket.on("message", (bytes) => {
    if (stream.writableLength < mostQueued) stream.write(bytes);
    if (stream.readableEnded) endSoon();
  });
  socket.on("error", () => stream.destroy());
  stream.on("error", () => {});
  stream.on("close", () => {
    clearTimeout(timer);
    close(socket);
  });
}
