// Getting the two websockets of a move: who is asked waits for them, who asks opens them.
import { fail } from "../../api/errors.ts";
import { ServerClient } from "../../remotes/server-client.ts";
import type { ExecSockets } from "../exec/sockets.ts";
import { Channel, type Channels, pairUp } from "./channel.ts";

export const channelNames = ["control", "fs"] as const;

/** Waits until both have been connected. Throws `websocket_timeout`. */
export async function awaitChannels(sockets: ExecSockets): Promise<Channels> {
  await sockets.ready();
  const [control, fs] = channelNames.map((name) => sockets.get(name));
  if (!control || !fs) throw fail("websocket_timeout");
  return pairUp(new Channel(control), new Channel(fs));
}

export interface Peer {
  /** `https://HOST:PORT/1.0/operations/ID` */
  operation: string;
  /** Of each websocket. */
  secrets: Readonly<Record<string, string>>;
  /** PEM of the certificate that the server must have. */
  certificate: string | undefined;
}

/** Opens both on another server. Throws `bad_request`, `remote_unreachable` or `remote_certificate`. */
export async function openChannels({ operation, secrets, certificate }: Peer): Promise<Channels> {
  const url = parseOperation(operation);
  const client = new ServerClient({ url: url.origin, certificate: certificate || undefined });
  const open = async (name: (typeof channelNames)[number]) => {
    const secret = secrets[name];
    if (!secret) throw fail("bad_request", { reason: `Missing ${name} secret` });
    return new Channel(await client.websocket(`${url.pathname}/websocket?secret=${encodeURIComponent(secret)}`));
  };
  const control = await open("control");
  try {
    return pairUp(control, await open("fs"));
  } catch (error) {
    control.close();
    throw error;
  }
}

function parseOperation(text: string): URL {
  const wrong = () => fail("bad_request", { reason: `"${text.slice(0, 200)}" is not the https:// URL of an operation` });
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong();
  }
  if (url.protocol !== "https:" || !/^\/1\.0\/operations\/[\w-]+$/.test(url.pathname)) throw wrong();
  return url;
}
