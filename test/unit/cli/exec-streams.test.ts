import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { receiveInto } from "../../../cli/exec/streams.ts";
import type { WebSocketClient } from "../../../cli/transport/websocket.ts";

/** What of a websocket the receiver uses. */
class Incoming extends EventEmitter {
  isPaused = false;
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  close(): void {}
}

test("all that comes is written, in order, also what comes while something is written and what comes at once", async () => {
  const socket = new Incoming();
  const written: string[] = [];
  let calls = 0;
  const received = receiveInto(socket as unknown as WebSocketClient, async (...parts) => {
    calls += 1;
    await new Promise((resolve) => setTimeout(resolve, 1));
    written.push(...parts.map((part) => Buffer.from(part).toString()));
  });
  const sent = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  for (const [i, line] of sent.entries()) {
    socket.emit("message", Buffer.from(line), true);
    if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  socket.emit("message", Buffer.alloc(0), false);
  await received;
  assert.deepEqual(written, sent);
  assert.ok(calls < 60, `${calls} calls`);
});
