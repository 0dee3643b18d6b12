// Follows a background operation to its end. The server holds the answer to /wait until then, which
// needs no websocket; only a terminal that wants progress asks in between.
import { assertSucceeded, type Client } from "../server/api/client.ts";
import { statusCodes } from "../server/api/envelope.ts";
import type { Operation } from "../server/api/operations.ts";
import { CliError, messageOf } from "./errors.ts";
import { ProgressLine, Remaining } from "./progress.ts";

export interface FollowOptions {
  quiet: boolean;
  /** What stands before the progress text: `Retrieving image: `. */
  prefix?: string | undefined;
}

/**
 * Waits until the operation has ended; throws its error when it failed. Ctrl-C asks the server to
 * cancel it; at the third one that cannot be obeyed, the client goes and the operation stays.
 */
export async function followOperation(client: Client, operation: Operation, { quiet, prefix = "" }: FollowOptions): Promise<Operation> {
  const progress = new ProgressLine(quiet);
  const cancelling = cancelOnInterrupt(client, operation.id, progress);
  const watching = progress.isShown ? watchProgress(client, operation.id, (text) => progress.update(prefix + text)) : undefined;
  try {
    return assertSucceeded(await Promise.race([waitForEnd(client, operation.id), cancelling.given]));
  } finally {
    watching?.stop();
    cancelling.stop();
    progress.done();
  }
}

/** Resolves to the operation when it has ended, in whatever way. */
export async function waitForEnd(client: Client, id: string): Promise<Operation> {
  for (;;) {
    const operation = await client.waitOperation({ id, timeout: "-1" });
    if (operation.status_code >= statusCodes.Success) return operation;
  }
}

function watchProgress(client: Client, id: string, show: (text: string) => void): { stop(): void } {
  let stage = "";
  let remaining = new Remaining();
  const timer = setInterval(async () => {
    const operation = await client.getOperation({ id }).catch(() => undefined);
    const [key = "", text] = Object.entries(operation?.metadata ?? {}).find(([name]) => name.endsWith("_progress")) ?? [];
    if (typeof text !== "string") return;
    if (key !== stage) [stage, remaining] = [key, new Remaining()];
    show(withRemaining(text, remaining));
  }, 150);
  return { stop: () => clearInterval(timer) };
}

/** `45% (12.34MB/s)` gets the time that is left. */
export function withRemaining(text: string, remaining: Pick<Remaining, "tell">): string {
  const percent = /(\d{1,3})%/.exec(text)?.[1];
  const left = percent === undefined ? "" : remaining.tell(Number(percent) / 100);
  return left !== "" && text.endsWith(")") ? `${text.slice(0, -1)}${left})` : `${text}${left}`;
}

function cancelOnInterrupt(client: Client, id: string, progress: ProgressLine): { given: Promise<never>; stop(): void } {
  let presses = 0;
  let stop = () => {};
  const given = new Promise<never>((_, reject) => {
    const onInterrupt = () => {
      client.deleteOperation({ id }).then(
        () => reject(new CliError("Remote operation canceled by user")),
        (error: unknown) => {
          presses++;
          if (presses >= 3) reject(new CliError("User signaled us three times, exiting. The remote operation will keep running"));
          progress.warn(`${messageOf(error)} (interrupt two more times to force)`);
        },
      );
    };
    process.on("SIGINT", onInterrupt);
    stop = () => process.off("SIGINT", onInterrupt);
  });
  return { given, stop };
}
