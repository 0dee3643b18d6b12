// Writing the files that an image keeps templates for, such as /etc/hostname, into an instance.
import { closeSync, constants, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { type ImageTemplate, parseMetadata, type TemplateTrigger } from "../../images/metadata.ts";
import { renderTemplate, type TemplateInstance } from "../../images/templates/render.ts";
import { isTrue } from "../api/config-keys/key.ts";
import { asContainerRoot } from "../host/as-container-root.ts";
import { hasCode, openat2, RESOLVE } from "../host/libc.ts";
import { explain, log } from "../log.ts";
import type { Layer } from "./config.ts";
import type { InstanceRecord } from "./store.ts";

export interface TemplateTarget {
  instance: InstanceRecord;
  expanded: Layer;
  /** The volume's folder: rootfs/, metadata.yaml, templates/. */
  folder: string;
  /** Host ids of the container's root. */
  uid: number;
  gid: number;
}

/** Writes the templates of these triggers. What a guest put in the way is never followed out of its root. */
export function applyTemplates(target: TemplateTarget, triggers: readonly TemplateTrigger[]): void {
  const file = `${target.folder}/metadata.yaml`;
  if (!existsSync(file)) return;
  const { templates } = parseMetadata(readFileSync(file, "utf8"));
  for (const [guestPath, template] of Object.entries(templates)) {
    const trigger = triggers.find((one) => template.when.includes(one));
    if (!trigger) continue;
    try {
      applyOne(target, guestPath, template, trigger);
    } catch (error) {
      log.warn("a template could not be applied", { instance: target.instance.name, path: guestPath, error: explain(error) });
      throw error;
    }
  }
}

function applyOne(target: TemplateTarget, guestPath: string, template: ImageTemplate, trigger: TemplateTrigger): void {
  const source = openat2At(`${target.folder}/templates`, template.template, constants.O_RDONLY, RESOLVE.NO_SYMLINKS | RESOLVE.BENEATH);
  let text: string;
  try {
    text = readFileSync(source, "utf8");
  } finally {
    closeSync(source);
  }
  const about: TemplateInstance = {
    name: target.instance.name, type: "container", architecture: target.instance.architecture,
    ephemeral: target.instance.ephemeral ? "true" : "false", privileged: isTrue(target.expanded.config["security.privileged"]),
  };
  const rendered = renderTemplate(text, {
    trigger, path: guestPath, container: about, instance: about, config: target.expanded.config,
    devices: target.expanded.devices, properties: template.properties,
  });
  asContainerRoot(target.uid, target.gid, () => writeGuestFile(`${target.folder}/rootfs`, guestPath, rendered, template.create_only));
}

/** Opens what lies in a folder. */
export function openat2At(folder: string, relative: string, flags: number, resolve: number, mode = 0): number {
  const root = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return openat2(root, relative, flags, mode, resolve);
  } finally {
    closeSync(root);
  }
}

/** Writes a file of the guest's, with parents, inside its root whatever links lie there. */
function writeGuestFile(rootfs: string, guestPath: string, text: string, createOnly: boolean): void {
  makeParents(rootfs, path.dirname(guestPath));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY | (createOnly ? constants.O_EXCL : 0);
  let fd: number;
  try {
    fd = openat2At(rootfs, guestPath, flags, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS, 0o644);
  } catch (error) {
    if (createOnly && hasCode(error, "EEXIST")) return;
    throw error;
  }
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${guestPath} is no regular file`);
    ftruncateSync(fd, 0);
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

function makeParents(rootfs: string, folder: string): void {
  const root = openSync(rootfs, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    let walked = "";
    for (const part of folder.split("/").filter(Boolean)) {
      const parent = openat2(root, walked || ".", constants.O_RDONLY | constants.O_DIRECTORY, 0, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
      try {
        mkdirSync(`/proc/self/fd/${parent}/${part}`, { mode: 0o755 });
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      } finally {
        closeSync(parent);
      }
      walked += `/${part}`;
    }
  } finally {
    closeSync(root);
  }
}
