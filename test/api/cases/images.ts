// Cases of the endpoints of images and their aliases.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { imageEndpoints } from "../../../server/api/images.ts";
import { busyboxImages, fingerprintOf } from "../../helpers/images.ts";
import type { Case, World } from "./case.ts";

const image = ({ fingerprint }: World) => `/1.0/images/${fingerprint}`;
const missing = { status: 404, error: "Image not found" };
const noAlias = { status: 404, error: "Image alias not found" };
const alias = (name: string) => (world: World) =>
  world.daemon.must("POST", "/1.0/images/aliases", { name, target: world.fingerprint, description: "old" });
const split = async () => (await busyboxImages()).split;

/** The metadata and root file system of the small image, as a multipart form. */
async function form(): Promise<{ body: Buffer; headers: Record<string, string> }> {
  const parts = (await split()).map((file, i) => [
    Buffer.from(`--b\r\nContent-Disposition: form-data; name="${["metadata", "rootfs"][i]}"; filename="f${i}"\r\nContent-Type: application/octet-stream\r\n\r\n`),
    readFileSync(file), Buffer.from("\r\n"),
  ]);
  return { body: Buffer.concat([...parts.flat(), Buffer.from("--b--\r\n")]), headers: { "content-type": "multipart/form-data; boundary=b" } };
}

export const imageCases = {
  listImages: {
    good: { path: "/1.0/images" },
    check: (list, world) => assert.deepEqual(list, [image(world)]),
    bad: { path: "/1.0/images?project=nope", status: 404, error: "Project not found" },
  },
  createImage: {
    good: async () => ({ path: "/1.0/images", ...(await form()) }),
    check: async ({ metadata, resources, description }, { daemon }) => {
      const files = await split();
      const fingerprint = fingerprintOf(files);
      const size = files.reduce((sum, file) => sum + readFileSync(file).length, 0);
      assert.deepEqual([description, metadata, resources], ["Downloading image", { fingerprint, size: String(size) }, { images: [`/1.0/images/${fingerprint}`] }]);
      await daemon.must("DELETE", `/1.0/images/${fingerprint}`);
    },
    bad: { path: "/1.0/images", body: "", status: 400, error: "Image is not usable: the upload is empty" },
  },
  getImage: {
    good: ({ fingerprint }) => ({ path: `/1.0/images/${fingerprint.slice(0, 12)}` }),
    check: (shown, { fingerprint }) => {
      assert.deepEqual(Object.keys(shown).sort(), [
        "aliases", "architecture", "auto_update", "cached", "created_at", "expires_at", "filename", "fingerprint", "last_used_at", "profiles",
        "properties", "public", "size", "type", "uploaded_at",
      ]);
      assert.deepEqual([shown.fingerprint, shown.type, shown.aliases, shown.profiles], [fingerprint, "container", [{ name: "busybox", description: "" }], ["default"]]);
    },
    bad: { path: "/1.0/images/ffff%25", ...missing },
  },
  replaceImage: {
    good: (world) => ({ path: image(world), body: { properties: { os: "Busybox" }, public: true } }),
    check: async (_, world) => {
      const { properties, public: isPublic } = await world.daemon.must("GET", image(world));
      assert.deepEqual([properties, isPublic], [{ os: "Busybox" }, true]);
    },
    bad: { path: "/1.0/images/0123456789ab", body: {}, ...missing },
  },
  patchImage: {
    prepare: (world) => world.daemon.must("PUT", image(world), { properties: { os: "Busybox" } }),
    good: (world) => ({ path: image(world), body: { properties: { release: "1" } } }),
    check: async (_, world) => assert.deepEqual((await world.daemon.must("GET", image(world))).properties, { os: "Busybox", release: "1" }),
    bad: { path: "/1.0/images/nope", body: {}, ...missing },
  },
  deleteImage: {
    good: async ({ daemon }) => {
      const { body, headers } = await form();
      const { metadata } = await daemon.must("POST", "/1.0/images", body, { headers });
      return { path: `/1.0/images/${metadata.fingerprint}` };
    },
    check: async ({ description, resources }, { daemon }) => {
      assert.equal(description, "Deleting image");
      assert.equal((await daemon.request("GET", resources.images[0])).status, 404);
    },
    bad: { path: "/1.0/images/nope", ...missing },
  },
  exportImage: {
    good: (world) => ({ path: `${image(world)}/export` }),
    check: async (_, world) => {
      const { headers } = await world.daemon.request("GET", `${image(world)}/export`);
      const size = readFileSync((await busyboxImages()).unified[0]).length;
      assert.deepEqual([headers["content-type"], headers["content-length"]], ["application/octet-stream", String(size)]);
      assert.equal(headers["content-disposition"], `inline;filename="${world.fingerprint}.tar.xz"`);
    },
    bad: { path: "/1.0/images/nope/export", ...missing },
  },
  headImageExport: {
    good: (world) => ({ path: `${image(world)}/export` }),
    check: async (_, world) => {
      const { headers, text } = await world.daemon.request("HEAD", `${image(world)}/export`);
      const size = readFileSync((await busyboxImages()).unified[0]).length;
      assert.deepEqual([headers["content-length"], headers["accept-ranges"], text], [String(size), "bytes", ""]);
    },
    bad: "refuses nothing",
  },
  pushImage: {
    good: "it takes two servers: see system/images-servers.test.ts",
    bad: { path: "/1.0/images/nope/export", body: { target: "https://127.0.0.1:1", secret: "s" }, ...missing },
  },
  refreshImage: {
    good: "it takes two servers: see system/images-servers.test.ts",
    bad: { path: "/1.0/images/nope/refresh", ...missing },
  },
  createImageSecret: {
    good: "a token waits for its use: see system/images-servers.test.ts",
    bad: { path: "/1.0/images/nope/secret", ...missing },
  },
  listAliases: {
    good: { path: "/1.0/images/aliases" },
    check: (list) => assert.ok(list.includes("/1.0/images/aliases/busybox"), list),
    bad: { path: "/1.0/images/aliases?project=nope", status: 404, error: "Project not found" },
  },
  createAlias: {
    good: ({ fingerprint }) => ({ path: "/1.0/images/aliases", body: { name: "a/new", target: fingerprint, type: "container" } }),
    location: "/1.0/images/aliases/a/new",
    bad: { path: "/1.0/images/aliases", body: { name: "x", target: "0123" }, ...missing },
  },
  getAlias: {
    prepare: alias("b/seen"),
    good: { path: "/1.0/images/aliases/b%2Fseen" },
    check: (shown, { fingerprint }) => assert.deepEqual(shown, { name: "b/seen", description: "old", target: fingerprint, type: "container" }),
    bad: { path: "/1.0/images/aliases/b%2Fnope", ...noAlias },
  },
  replaceAlias: {
    prepare: alias("put"),
    good: ({ fingerprint }) => ({ path: "/1.0/images/aliases/put", body: { target: fingerprint } }),
    check: async (_, { daemon }) => assert.equal((await daemon.must("GET", "/1.0/images/aliases/put")).description, ""),
    bad: { path: "/1.0/images/aliases/nope", body: { target: "x" }, ...noAlias },
  },
  patchAlias: {
    prepare: alias("patch"),
    good: { path: "/1.0/images/aliases/patch", body: {} },
    check: async (_, { daemon }) => assert.equal((await daemon.must("GET", "/1.0/images/aliases/patch")).description, "old"),
    bad: { path: "/1.0/images/aliases/nope", body: {}, ...noAlias },
  },
  renameAlias: {
    prepare: alias("c/old"),
    good: { path: "/1.0/images/aliases/c%2Fold", body: { name: "c/new" } },
    location: "/1.0/images/aliases/c/new",
    bad: { path: "/1.0/images/aliases/nope", body: { name: "x" }, ...noAlias },
  },
  deleteAlias: {
    prepare: alias("d/gone"),
    good: { path: "/1.0/images/aliases/d/gone" },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", "/1.0/images/aliases/d%2Fgone")).status, 404),
    bad: { path: "/1.0/images/aliases/d%2Fgone", ...noAlias },
  },
} satisfies Record<keyof typeof imageEndpoints, Case>;
