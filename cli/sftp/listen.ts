// An SSH server on this machine that serves nothing but SFTP, each session on a stream of berthd's.
import { timingSafeEqual } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import { Server, utils } from "ssh2";

export interface SshOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Undefined lets everybody in. */
  login: { user: string; password: string } | undefined;
  /** Opens the stream of a session. */
  open: () => Promise<Socket>;
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Resolves with its port once it listens. Throws when the address is taken. */
export async function serveSsh({ host, port, login, open }: SshOptions): Promise<number> {
  const server = new Server({ hostKeys: [utils.generateKeyPairSync("ed25519").private] }, (client) => {
    client.on("error", () => client.end());
    client.on("authentication", (attempt) => {
      if (!login) return attempt.accept();
      const right = attempt.method === "password" && same(attempt.username, login.user) && same(attempt.password, login.password);
      return right ? attempt.accept() : attempt.reject(["password"]);
    });
    client.on("session", (accept) => {
      accept().on("subsystem", (take, refuse, { name }) => {
        if (name !== "sftp") return refuse();
        const channel = take();
        channel.on("error", () => channel.destroy());
        open().then((stream) => {
          stream.on("error", () => channel.destroy());
          channel.on("close", () => stream.destroy());
          stream.pipe(channel).pipe(stream);
        }, () => channel.destroy());
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}
