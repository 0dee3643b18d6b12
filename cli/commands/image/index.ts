// berth image
import type { Group } from "../../command.ts";
import { imageAliasGroup } from "./alias.ts";
import { imageBuildCommand } from "./build.ts";
import { imageCopyCommand } from "./copy.ts";
import { imageDeleteCommand } from "./delete.ts";
import { imageExportCommand } from "./export.ts";
import { imageImportCommand } from "./import.ts";
import { imageInfoCommand } from "./info.ts";
import { imageListCommand } from "./list.ts";
import { imageGetPropertyCommand, imageSetPropertyCommand, imageUnsetPropertyCommand } from "./property.ts";
import { imagePruneCommand } from "./prune.ts";
import { imageRefreshCommand } from "./refresh.ts";
import { imageServeTreeCommand } from "./serve-tree.ts";
import { imageEditCommand, imageShowCommand } from "./show.ts";

export const imageGroup: Group = {
  name: "image",
  summary: "Manage images",
  description: `Manage images

In Berth instances are created from images. Those images were themselves
either generated from an existing instance or downloaded from an image
server.

The image unique identifier is the hash (sha-256) of its representation
as a compressed tarball (or for split images, the concatenation of the
metadata and rootfs tarballs).

Images can be referenced by their full hash, shortest unique partial
hash or alias name (if one is set).`,
  commands: [
    imageAliasGroup, imageBuildCommand, imageCopyCommand, imageDeleteCommand, imageEditCommand, imageExportCommand, imageGetPropertyCommand,
    imageImportCommand, imageInfoCommand, imageListCommand, imagePruneCommand, imageRefreshCommand, imageServeTreeCommand, imageSetPropertyCommand,
    imageShowCommand, imageUnsetPropertyCommand,
  ],
};
