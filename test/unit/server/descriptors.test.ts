// Relaying between unix sockets: bytes, the descriptors that come along, and ends.
import assert from "node:assert/strict";
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { test } from "node:test";
import koffi from "koffi";
import { relayDescriptors } from "../../../server/devices/proxy/forwarder/descriptors.ts";
import type { Epoll } from "../../../server/host/epoll.ts";
import { makePipe } from "../../../server/host/libc.ts";
import { type Message, receiveMessage, sendMessage } from "../../../server/host/messages.ts";
import { endWriting } from "../../../server/host/sockets.ts";

const socketpair = koffi.load("libc.so.6").func("int socketpair(int domain, int type, int protocol, void *fds)");

function pair(): [number, number] {
  const fds = Buffer.alloc(8);
  assert.equal(socketpair(1, 1 | 0o4000, 0, fds), 0);
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/** Says that everything is ready whenever it is asked to. */
class AlwaysReady {
  readonly watches = new Map<number, { events: number; ready: (events: number) => void }>();
  #next = 1;
  add(_fd: number, events: number, ready: (events: number) => void): number {
    this.watches.set(this.#next, { events, ready });
    return this.#next++;
  }
  change(id: number, events: number): void {
    const watch = this.watches.get(id);
    if (watch) watch.events = events;
  }
  remove(id: number): void {
    this.watches.delete(id);
  }
  turn(): void {
    for (const { events, ready } of [...this.watches.values()]) ready(events);
  }
}

function start() {
  const [client, first] = pair();
  const [second, server] = pair();
  const epoll = new AlwaysReady();
  let closed = 0;
  const close = relayDescriptors(epoll as unknown as Epoll, first, second, () => closed++);
  return { client, server, epoll, close, closed: () => closed };
}

const plain = (text: string): Message => ({ bytes: Buffer.from(text), control: Buffer.alloc(0), descriptors: [] });

/** A message that carries a descriptor; sending it closes the sender's. */
function carrying(text: string, descriptor: number): Message {
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(1, 8);
  control.writeInt32LE(1, 12);
  control.writeInt32LE(descriptor, 16);
  return { bytes: Buffer.from(text), control, descriptors: [descriptor] };
}

test("a descriptor arrives with its bytes, and nobody else keeps it", () => {
  const { client, server, epoll, close } = start();
  const pipe = makePipe();
  assert.ok(sendMessage(client, carrying("take this", pipe.write)));
  epoll.turn();
  const message = receiveMessage(server);
  assert.equal(String(message?.bytes), "take this");
  const [descriptor = -1] = message?.descriptors ?? [];
  assert.ok(fstatSync(descriptor).isFIFO());
  writeSync(descriptor, "through");
  closeSync(descriptor);
  const bytes = Buffer.alloc(20);
  assert.equal(bytes.toString("utf8", 0, readSync(pipe.read, bytes)), "through");
  assert.equal(readSync(pipe.read, bytes), 0, "no writer is left");
  close();
  for (const fd of [pipe.read, client, server]) closeSync(fd);
});

test("a side that does not read holds the other up, and loses nothing", () => {
  const { client, server, epoll, close } = start();
  const part = "x".repeat(60_000);
  let sent = 0;
  for (let stuck = 0; stuck < 3; ) {
    const message = plain(part);
    const whole = sendMessage(client, message);
    sent += part.length - message.bytes.length;
    if (!whole) stuck++;
    epoll.turn();
  }
  endWriting(client);
  let got = 0;
  for (;;) {
    const message = receiveMessage(server);
    if (message?.bytes.length === 0) break;
    got += message?.bytes.length ?? 0;
    epoll.turn();
  }
  assert.equal(got, sent);
  close();
  for (const fd of [client, server]) closeSync(fd);
});

test("an end is passed on in its direction only, and both together end it", () => {
  const { client, server, epoll, closed } = start();
  sendMessage(client, plain("question"));
  endWriting(client);
  epoll.turn();
  assert.equal(String(receiveMessage(server)?.bytes), "question");
  assert.equal(receiveMessage(server)?.bytes.length, 0);
  sendMessage(server, plain("answer"));
  closeSync(server);
  epoll.turn();
  assert.equal(String(receiveMessage(client)?.bytes), "answer");
  assert.equal(receiveMessage(client)?.bytes.length, 0);
  assert.equal(closed(), 1);
  assert.equal(epoll.watches.size, 0);
  closeSync(client);
});

test("a side that is gone ends it", () => {
  const { client, server, epoll, closed } = start();
  closeSync(server);
  sendMessage(client, plain("anybody?"));
  epoll.turn();
  assert.equal(closed(), 1);
  closeSync(client);
});
