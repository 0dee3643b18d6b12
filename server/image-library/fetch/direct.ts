// An image whose address answers HEAD with where it lies and what its hash is: one tarball.
import { fail } from "../../api/errors.ts";
import { compatibleVersion } from "../../api/server.ts";
import { hostArchitecture } from "../../../images/metadata.ts";
import { fetchUrl } from "../../remotes/fetch.ts";
import { withFolder } from "../upload.ts";
import { downloadFile } from "./file.ts";
import type { FetchContext, FoundImage } from "./server.ts";

export async function findByUrl(url: string, context: FetchContext): Promise<FoundImage> {
  const { proxies, signal, idleTimeout } = context;
  const response = await fetchUrl(url, {
    method: "HEAD", proxies, signal, ...(idleTimeout ? { idleTimeout } : {}),
    headers: { "LXD-Server-Architectures": hostArchitecture(), "LXD-Server-Version": compatibleVersion },
  });
  response.destroy();
  const header = (name: string) => String(response.headers[name.toLowerCase()] ?? "").trim();
  const [fingerprint, address] = [header("LXD-Image-Hash").toLowerCase(), header("LXD-Image-URL")];
  if (!fingerprint) throw fail("download_failed", { url, reason: "Missing LXD-Image-Hash header" });
  if (!address) throw fail("download_failed", { url, reason: "Missing LXD-Image-URL header" });
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) throw fail("download_failed", { url, reason: "LXD-Image-Hash is no SHA-256" });
  return {
    fingerprint, size: undefined, filename: "",
    fetch: (root, stop, heard) => withFolder(root, async (folder) => {
      const meta = `${folder}/meta`;
      const got = await downloadFile(meta, { url: address, sha256: fingerprint }, { proxies, signal: stop, heard, ...(idleTimeout ? { idleTimeout } : {}) });
      return { folder, meta, rootfs: undefined, filename: "", fingerprint, size: got };
    }),
  };
}
