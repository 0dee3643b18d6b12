// What a simplestreams server has, in the words of the API: the client shows it as it does the images of its own server.
import type { Image } from "../../server/api/images.ts";
import { fail } from "../../server/api/errors.ts";
import { zeroTime } from "../../server/api/schemas.ts";
import { fetchText } from "../web.ts";
import { parseIndex, parseProducts, type StreamImage } from "./documents.ts";
import { compareImages } from "./find.ts";

const sizeLimit = 64 * 1024 * 1024;

const timeOf = (ms: number) => (ms > 0 ? new Date(ms).toISOString() : zeroTime);

function view({ fingerprint, architecture, properties, createdAt, expiresAt, size, filename }: StreamImage, names: readonly string[]): Image {
  return {
    auto_update: false, properties, public: true, expires_at: timeOf(expiresAt), profiles: [], aliases: names.map((name) => ({ name, description: "" })),
    architecture, cached: false, filename, fingerprint, size, type: "container", created_at: timeOf(createdAt), last_used_at: zeroTime, uploaded_at: timeOf(createdAt),
  };
}

/** An alias belongs to the newest image only, in the kind that is liked best; NAME/ARCH is one of each architecture. */
export function viewImages(images: readonly StreamImage[], architecture: string): Image[] {
  const taken = new Set<string>();
  return [...images].sort(compareImages).sort((a, b) => Number(b.architecture === architecture) - Number(a.architecture === architecture)).map((image) => {
    const names = image.names.flatMap((name) => [name, `${name}/${image.properties["architecture"]}`]).filter((name) => !taken.has(name));
    for (const name of names) taken.add(name);
    return view(image, names);
  });
}

/** All images of a server. Throws `remote_unreachable`, `stream_broken`. */
export async function browse(server: string, architecture: string): Promise<Image[]> {
  const base = server.replace(/\/+$/, "");
  const read = async (path: string) => {
    const url = `${base}/${path}`;
    try {
      return await fetchText(url, sizeLimit);
    } catch (cause) {
      throw fail("remote_unreachable", { url, reason: (cause as Error).message }, cause);
    }
  };
  const lists = parseIndex(await read("streams/v1/index.json"), base);
  const images: StreamImage[] = [];
  for (const path of lists) images.push(...parseProducts(await read(path), base));
  return viewImages(images, architecture);
}
