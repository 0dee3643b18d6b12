// The keys that leave a console: Ctrl-a q. Ctrl-a Ctrl-a types one Ctrl-a.

const ctrlA = 1;
const q = "q".charCodeAt(0);

export class DetachKey {
  #pressed = false;

  /** What is to be sent of what was typed, and whether the keys were pressed; what came after them is not sent. */
  take(typed: Uint8Array): { send: Uint8Array; detach: boolean } {
    const send: number[] = [];
    for (const byte of typed) {
      if (this.#pressed) {
        this.#pressed = false;
        if (byte === q) return { send: Uint8Array.from(send), detach: true };
        send.push(ctrlA);
        if (byte === ctrlA) continue;
      } else if (byte === ctrlA) {
        this.#pressed = true;
        continue;
      }
      send.push(byte);
    }
    return { send: Uint8Array.from(send), detach: false };
  }
}
