// Copies of an image from one server to another: pulled by the one, pushed by the other, or carried through this client.
import type { ImagesPost } from "../../../server/api/images.ts";
import type { Operation } from "../../../server/api/operations.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import { imageSource } from "./source.ts";

export interface Transfer {
  from: Server;
  to: Server;
  /** Alias or fingerprint at the source. */
  name: string;
  /** pull, push or relay; empty: pull, or relay when the source cannot be reached by others. */
  mode: string;
  autoUpdate: boolean;
  isPublic: boolean;
  /** The destination's project when it is not the one that is meant anyway. */
  project?: string | undefined;
}

export const transferModes = ["pull", "push", "relay"];

/** The body of a request with another project than the server's own. */
const inProject = (project: string | undefined) => (project ? { project } : {});

function post(to: Server, body: ImagesPost, project: string | undefined): Promise<Operation> {
  return to.client.createImage({ ...inProject(project), headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

const prefix = "Copying the image: ";

async function pull(ctx: Context, { from, to, name, autoUpdate, isPublic, project }: Transfer): Promise<Operation> {
  const source = await imageSource(ctx, to, `${from.remote}:${name}`);
  const named = from.isPublic && !from.isSimplestreams ? { alias: name, fingerprint: name } : {}; // by its name it can be refreshed
  const body = { source: { ...source, ...named, image_type: "container", project: from.project || "default" }, auto_update: autoUpdate, public: isPublic } as ImagesPost;
  return to.follow(await post(to, body, project), prefix);
}

async function push({ from, to, name, isPublic, project }: Transfer): Promise<Operation> {
  const { fingerprint, properties, expires_at } = await from.client.getImage({ fingerprint: name });
  const token = await post(to, { source: { type: "image", mode: "push", fingerprint }, public: isPublic, properties, expires_at }, project);
  const { environment } = await to.client.getServer();
  const target = to.isLocal ? environment?.addresses[0] && `https://${environment.addresses[0]}` : to.settings.addr;
  if (!target) throw new CliError(`No other server can reach "${to.remote}"`, { hint: "let it listen (core.https_address), or use --mode relay." });
  const body = { target, secret: String(token.metadata?.["secret"] ?? ""), certificate: environment?.certificate ?? "", project: project || to.project || "default" };
  return from.follow(await from.client.pushImage({ fingerprint, body }), prefix);
}

/** The bytes pass through here as they are: a form of two files stays one. */
async function relay({ from, to, name, isPublic, project }: Transfer): Promise<Operation> {
  const { fingerprint, properties, filename } = await from.client.getImage({ fingerprint: name });
  const response = await from.client.exportImage({ fingerprint });
  const { counted } = await import("./upload.ts");
  const { ProgressLine } = await import("../../progress.ts");
  const progress = new ProgressLine(to.isQuiet);
  const total = Number(response.headers["content-length"]) || 0;
  try {
    const operation = await to.client.createImage({
      ...inProject(project),
      headers: {
        "content-type": response.headers["content-type"] ?? "application/octet-stream", "x-lxd-fingerprint": fingerprint, "x-lxd-filename": filename.replace(/[\r\n\0]/g, "_"),
        "x-lxd-properties": new URLSearchParams(properties).toString(), ...(isPublic ? { "x-lxd-public": "true" } : {}),
      },
      body: counted(response.body, total, (text) => progress.update(`${prefix}${text}`)),
    });
    progress.done();
    return await to.follow(operation, prefix);
  } finally {
    progress.done();
  }
}

/** Whether nobody but this client can fetch from a server. */
async function isOutOfReach(from: Server): Promise<boolean> {
  return from.isLocal && ((await from.client.getServer()).environment?.addresses ?? []).length === 0;
}

/** Copies an image; resolves to its fingerprint. */
export async function transferImage(ctx: Context, transfer: Transfer): Promise<string> {
  const { from, to, project } = transfer;
  const mode = transfer.mode || (from.isSimplestreams || (from !== to && !(await isOutOfReach(from))) ? "pull" : "relay");
  if (!transferModes.includes(mode)) throw new CliError(`There is no mode "${mode}"`, { hint: `choose one of ${transferModes.join(", ")}.` });
  if (from.isSimplestreams && mode !== "pull") throw new CliError("Images of a simplestreams server can be pulled only");
  if (transfer.autoUpdate && mode !== "pull") throw new CliError("Auto update is only available in pull mode");
  if (from === to && (project ?? to.project) === to.project) throw new CliError("The image is there already: source and target are one");
  const operation = mode === "pull" ? await pull(ctx, transfer) : mode === "push" ? await push(transfer) : await relay(transfer);
  return String(operation.metadata?.["fingerprint"] ?? "");
}
