// The program dist/berth-images: what the client does with images on the user's own machine. The client starts it, for
// builds in namespaces of its own. What is for the user's eyes goes to standard error; standard output carries one line
// of JSON: the result, or the error.
import { setTimeout as sleep } from "node:timers/promises";
import { BerthError, fail } from "../server/api/errors.ts";
import { buildInto, type BuildRequest } from "./build/request.ts";
import { enterJail, type JailRequest } from "./build/jail.ts";
import { findRecipe, loadRecipe } from "./build/load-recipe.ts";
import { hostArchitecture } from "./metadata.ts";
import { browse } from "./simplestreams/browse.ts";
import { type TreeImage, updateTree } from "./simplestreams/tree.ts";

/** Ends when the client does, or is told to: its end closes our standard input. */
function untilTheClientGoes(): AbortSignal {
  const controller = new AbortController();
  const stop = () => controller.abort(fail("operation_cancelled"));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  process.stdin.on("end", stop).on("error", stop).resume();
  return controller.signal;
}

/** A Ctrl-C also ends the command that a build runs, of which may be heard first: what failed was cancelled then. */
async function build(request: BuildRequest): Promise<unknown> {
  const signal = untilTheClientGoes();
  try {
    return await buildInto(request, signal);
  } catch (error) {
    await sleep(50);
    throw signal.aborted ? signal.reason : error;
  }
}

const verbs: Readonly<Record<string, (request: never) => unknown>> = {
  /** Reads a recipe; tells what it takes to build it. */
  check: ({ recipe }: { recipe: string }) => {
    const { file, source } = loadRecipe(findRecipe(recipe));
    return { file, ...(source.type === "image" ? { image: source.image, remote: source.remote } : {}) };
  },
  build,
  /** The images of a simplestreams server. */
  streams: ({ url }: { url: string }) => browse(url, hostArchitecture()),
  /** Adds images to a static simplestreams tree. */
  tree: ({ folder, images, keep }: { folder: string; images: TreeImage[]; keep: number }) => updateTree(folder, images, keep),
};

async function main(verb: string, request: string): Promise<void> {
  if (verb === "jail") enterJail(JSON.parse(request) as JailRequest);
  let answer: unknown;
  try {
    const work = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
    if (!work) throw fail("bad_request", { reason: "berth-images is started by berth" });
    answer = { result: await work(JSON.parse(request) as never) };
  } catch (error) {
    const { message } = error as Error;
    const known = error instanceof BerthError;
    answer = { error: { message: known ? message : ((error as Error).stack ?? message), code: known ? error.code : "internal", hint: known ? error.hint : undefined } };
    process.exitCode = 1;
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit());
}

const [verb = "", request = "{}"] = process.argv.slice(2);
void main(verb, request);
