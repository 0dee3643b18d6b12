// Websockets for tests of the API: opened, or refused with an answer that can be looked at.
import { request } from "node:http";
import { connect } from "node:net";
import { WebSocket } from "ws";
import type { Daemon } from "../helpers/daemon.ts";
import type { Reply } from "../helpers/socket.ts";

/** Opens a websocket; rejects when it is refused. */
export function openSocket(daemon: Daemon, path: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`ws+unix://${daemon.socket}:${path}`);
    ws.once("open", () => resolve(ws));
    ws.once("error", reject);
  });
}

/** Asks for a websocket that is not given. */
export function refusedUpgrade(daemon: Daemon, path: string): Promise<Reply> {
  const headers = {
    connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": Buffer.alloc(16, 1).toString("base64"),
  };
  return new Promise((resolve, reject) => {
    const req = request({ socketPath: daemon.socket, path, headers, agent: false }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      res.on("end", () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: JSON.parse(text) }));
    });
    req.on("upgrade", (_, socket) => {
      socket.destroy();
      reject(new Error(`${path} gave a websocket`));
    });
    req.on("error", reject);
    req.end();
  });
}

/** Asks for an upgrade; gives the head of the answer. */
export function upgrade(daemon: Daemon, path: string, protocol: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(daemon.socket);
    socket.once("error", reject);
    socket.once("data", (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
  });
}

export interface Heard {
  /** All events so far, as they came. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  events: any[];
  /** Kinds of the frames. */
  frames: Set<"text" | "binary">;
  close(): void;
}

/** Follows the events. */
export async function listen(daemon: Daemon, query = ""): Promise<Heard> {
  const ws = await openSocket(daemon, `/1.0/events${query}`);
  const heard: Heard = { events: [], frames: new Set(), close: () => ws.terminate() };
  ws.on("message", (data: Buffer, isBinary: boolean) => {
    heard.frames.add(isBinary ? "binary" : "text");
    heard.events.push(JSON.parse(data.toString("utf8")));
  });
  return heard;
}
