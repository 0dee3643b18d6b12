// Whether the other server of a move is still there: one that has frozen, or that a broken network keeps away, closes nothing.
import type { Channel } from "./channel.ts";

const askEvery = 5000;
/** So many questions without an answer, on either websocket, and it is given up. Counted, not timed: this machine may have slept. */
const patience = 6;

export class PeerWatch {
  readonly #channels: readonly Channel[];
  readonly #timer: NodeJS.Timeout;
  #unanswered = 0;

  constructor(channels: readonly Channel[]) {
    this.#channels = channels;
    this.#timer = setInterval(() => this.#look(), askEvery).unref();
  }

  /** LXD answers only while it reads, and it need not: what does not arrive there the kernel notices. */
  leaveToKernel(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const open = this.#channels.filter((channel) => !channel.closed);
    if (open.length === 0) return clearInterval(this.#timer);
    // One alone may be silent: it is not read while too much of it waits.
    const heard = open.map((channel) => channel.takeHeard()).includes(true);
    this.#unanswered = heard ? 0 : this.#unanswered + 1;
    if (this.#unanswered < patience) for (const channel of open) channel.ping();
    else for (const channel of open) channel.giveUp(`the other server has not answered for ${(patience * askEvery) / 1000} seconds`);
  }
}
