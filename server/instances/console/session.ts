// One session on a console: the line to it tied to a client's websockets.
import { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { InstanceConsolePost } from "../../api/instances.ts";
import type { ConsoleLine } from "../../lxc/console.ts";
import { parseControl, sizeIn } from "../exec/control.ts";
import type { ExecSockets } from "../exec/sockets.ts";
import { carryInbound } from "../exec/streams.ts";

/** Bytes that may wait for the client before the guest has to. */
const highWater = 1024 * 1024;
/** How long the guest waits for a client that takes nothing, in ms. After it what is written is lost to the client. */
const patience = 2000;
/** What a client has typed may come a moment after the news that it goes: they come on two connections. In ms. */
const lastWords = 20;
/** How long the line has to carry what was typed, in ms. */
const farewell = 1000;

/** Carries bytes until either side goes. */
export async function runSession(line: ConsoleLine, sockets: ExecSockets, { width = 0, height = 0 }: InstanceConsolePost): Promise<void> {
  const input = new Socket({ fd: line.input, readable: false, writable: true });
  const output = new Socket({ fd: line.output, readable: true, writable: false });
  const resize = (columns: number, rows: number) => {
    if (columns > 0 && rows > 0 && columns < 65536 && rows < 65536) line.resize(columns, rows);
  };
  // The end of its input ends the line once it has carried all that was typed.
  const leave = () => {
    if (!input.writableEnded) input.end();
    setTimeout(() => line.hangUp(), farewell).unref();
  };
  try {
    resize(width, height);
    const main = sockets.get("0");
    sockets.whenConnected("control", (control) => {
      control.on("message", (data: Buffer) => obey(data, resize));
      control.once("close", () => setTimeout(leave, lastWords));
      if (control.readyState !== control.OPEN) leave();
      control.resume();
    });
    if (main) {
      main.once("close", leave);
      if (main.readyState !== main.OPEN) leave();
      carryInbound(main, input, false);
      carryOutput(output, main);
    }
    const read = new Promise((resolve) => output.once("close", resolve));
    await line.down;
    input.destroy();
    output.resume();
    await read;
    if (main?.readyState === main?.OPEN) {
      main?.send(Buffer.from("\n\r"), { binary: true });
      main?.send(""); // a text frame: the end
    }
  } finally {
    line.hangUp();
    input.destroy();
    output.destroy();
    line.close();
  }
}

function obey(data: Buffer, resize: (width: number, height: number) => void): void {
  const message = parseControl(data);
  const size = message && sizeIn(message);
  if (size) resize(size.width, size.height);
}

/**
 * What the guest writes, to the client. A client that is slow holds the guest up; one that takes nothing does so
 * for a moment only and then loses what is written, as on a serial line: the guest needs its console to go on.
 */
function carryOutput(output: Socket, ws: WebSocket): void {
  let losing = false;
  let timer: NodeJS.Timeout | undefined;
  const taken = () => {
    if (ws.bufferedAmount >= highWater / 2) return;
    clearTimeout(timer);
    timer = undefined;
    losing = false;
    output.resume();
  };
  output.on("data", (chunk: Buffer) => {
    if (losing || ws.readyState !== ws.OPEN) return;
    ws.send(chunk, { binary: true }, taken);
    if (ws.bufferedAmount < highWater || timer) return;
    output.pause();
    timer = setTimeout(() => {
      losing = true;
      output.resume();
    }, patience);
  });
  output.on("error", () => {}); // told by "close"
  output.once("close", () => clearTimeout(timer));
}
