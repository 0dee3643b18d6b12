// Relaying between two unix sockets with the descriptors that are passed through them: displays and sound servers share
// memory that way.
import { closeSync } from "node:fs";
import { type Epoll, READABLE, WRITABLE } from "../../../host/epoll.ts";
import { closeDescriptors, type Message, receiveMessage, sendMessage } from "../../../host/messages.ts";
import { endWriting } from "../../../host/sockets.ts";

/** Messages that are passed before others get their turn. */
const atATime = 16;

interface End {
  readonly fd: number;
  /** The number of its watch, and what it waits for. */
  watch: number | undefined;
  events: number;
  /** Taken from the other end, and not wanted by this one yet. */
  pending: Message | undefined;
  /** Nothing comes from it any more. */
  ended: boolean;
}

/** Joins two connected descriptors, which it closes. Calls back when both are closed; the result closes them before. */
export function relayDescriptors(epoll: Epoll, first: number, second: number, closed: () => void): () => void {
  const ends: readonly [End, End] = [
    { fd: first, watch: undefined, events: 0, pending: undefined, ended: false },
    { fd: second, watch: undefined, events: 0, pending: undefined, ended: false },
  ];
  let open = true;

  /** One that waits for nothing is not watched: that its other side has hung up would be told again and again. */
  function wait(end: End, events: number): void {
    if (events === end.events) return;
    if (end.watch !== undefined && events !== 0) epoll.change(end.watch, events);
    else if (end.watch === undefined) end.watch = epoll.add(end.fd, events, look);
    else {
      epoll.remove(end.watch);
      end.watch = undefined;
    }
    end.events = events;
  }

  function close(): void {
    if (!open) return;
    open = false;
    for (const end of ends) {
      wait(end, 0);
      if (end.pending) closeDescriptors(end.pending);
      closeSync(end.fd);
    }
    closed();
  }

  /** Passes on what `from` says; stops when `to` does not take it. */
  function pass(from: End, to: End): void {
    for (let round = 0; round < atATime; round++) {
      if (to.pending && !sendMessage(to.fd, to.pending)) return;
      to.pending = undefined;
      if (from.ended) return;
      const message = receiveMessage(from.fd);
      if (!message) return;
      if (message.bytes.length > 0) to.pending = message;
      else {
        from.ended = true;
        endWriting(to.fd);
      }
    }
  }

  function look(): void {
    if (!open) return;
    try {
      pass(ends[0], ends[1]);
      pass(ends[1], ends[0]);
      if (ends[0].ended && ends[1].ended && !ends[0].pending && !ends[1].pending) return close();
      for (const [end, other] of [[ends[0], ends[1]], [ends[1], ends[0]]] as const) {
        wait(end, (end.ended || other.pending ? 0 : READABLE) | (end.pending ? WRITABLE : 0));
      }
    } catch {
      close(); // one of them is gone
    }
  }

  for (const end of ends) wait(end, READABLE);
  return close;
}
