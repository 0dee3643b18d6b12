// The images.
import type { Image } from "../../../server/api/images.ts";
import { formatLocal, formatSize, isTimeSet } from "../../output/units.ts";
import { pair, pairs, section } from "../details/lines.ts";
import type { Row } from "../state/model.ts";
import { listArguments, projectWords, type View } from "./view.ts";

const imageOf = (row: Row) => row.value as Image;

export const imagesView: View = {
  id: "images",
  title: "Images",
  aliases: ["img"],
  concerns: /^image-/,
  columns: [
    { id: "alias", title: "ALIAS", width: 16, grow: true },
    { id: "name", title: "FINGERPRINT", width: 12 },
    { id: "public", title: "PUBLIC", width: 6, from: 100 },
    { id: "description", title: "DESCRIPTION", width: 20, grow: true },
    { id: "size", title: "SIZE", width: 10, right: true },
    { id: "uploaded", title: "UPLOADED", width: 22, from: 110 },
  ],
  load: async (place) => ((await place.client.listImages(listArguments(place))) as Image[]).map((image) => ({
    key: image.fingerprint, name: image.fingerprint.slice(0, 12), project: place.project, tone: image.cached ? "dim" : "plain", value: image,
    cells: {
      alias: image.aliases.map(({ name }) => name).join(" "), name: image.fingerprint.slice(0, 12), public: image.public ? "yes" : "no",
      description: image.properties["description"] ?? "", size: formatSize(image.size), uploaded: formatLocal(image.uploaded_at),
    },
  })),
  actions: [
    {
      id: "launch", key: "l", does: "launch an instance of it", single: true, prompt: () => ({ label: "Name of the instance (empty: one is made up)", text: "" }),
      command: ([row], input) => (row ? ["launch", row.cells["alias"]?.split(" ")[0] || row.name, ...(input ? [input] : []), ...projectWords(row)] : []),
      run: async (client, row, input) => {
        const { waitForEnd } = await import("../../operation.ts");
        const { assertSucceeded } = await import("../../../server/api/client.ts");
        const { madeInstance } = await import("../../commands/instance/made.ts");
        const post = { name: input, type: "container" as const, source: { type: "image", fingerprint: imageOf(row).fingerprint } };
        const made = assertSucceeded(await waitForEnd(client, (await client.createInstance({ project: row.project, body: post })).id));
        return client.changeInstanceState({ name: madeInstance(made), project: row.project, body: { action: "start", timeout: -1 } });
      },
    },
    {
      id: "delete", key: "d", does: "delete", confirm: (rows) => `Delete ${rows.length === 1 ? `image ${rows[0]?.name}` : `${rows.length} images`}?`,
      command: (rows) => ["image", "delete", ...rows.map(({ name }) => name), ...(rows[0] ? projectWords(rows[0]) : [])],
      run: (client, row) => client.deleteImage({ fingerprint: imageOf(row).fingerprint, project: row.project }),
    },
  ],
  tabs: [
    {
      title: "Overview",
      load: (_, row) => {
        const image = imageOf(row);
        return [
          pair("Fingerprint", image.fingerprint), pair("Aliases", row.cells["alias"] ?? ""), pair("Architecture", image.architecture), pair("Size", formatSize(image.size)),
          pair("Public", image.public ? "yes" : "no"), pair("Uploaded", formatLocal(image.uploaded_at)),
          pair("Expires", isTimeSet(image.expires_at) ? formatLocal(image.expires_at) : "never"),
          pair("Last used", isTimeSet(image.last_used_at) ? formatLocal(image.last_used_at) : "never"), ...section("Properties"), ...pairs(image.properties),
        ];
      },
    },
  ],
};
