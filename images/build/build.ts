// One build, from the recipe to the files of the image: begin, install, make files, run commands, clean up, pack.
import { mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../../server/api/errors.ts";
import { hasCode } from "../../server/host/libc.ts";
import { fingerprintFiles } from "../fingerprint.ts";
import { cleanUp } from "./cleanup.ts";
import { tellPlace } from "./document.ts";
import { makeFiles } from "./files.ts";
import type { Beginning, Job } from "./job.ts";
import { nameOfStep, type Step } from "./load-recipe.ts";
import { creationDate, describeImage, writeMetadata } from "./metadata-files.ts";
import { packSquashfs, packTar, tarExtension } from "./pack.ts";
import { installPackages, withQuietServices } from "./packages.ts";
import type { Target } from "./recipe-schema.ts";
import { runInRoot } from "./sandbox.ts";
import { beginWithBusybox } from "./sources/busybox.ts";
import { beginWithDebootstrap } from "./sources/debootstrap.ts";
import { beginWithImage } from "./sources/image.ts";
import { beginWithTarball } from "./sources/tarball.ts";
import { clampTimes } from "./times.ts";

export interface BuiltImage {
  format: Target["format"];
  /** Names in the output folder: metadata and root file system, or the one of a unified image. */
  files: string[];
  fingerprint: string;
  /** Bytes. */
  size: number;
}

function begin(job: Job): Promise<Beginning> {
  const { source } = job.recipe;
  switch (source.type) {
    case "debootstrap": return beginWithDebootstrap(source, job);
    case "tarball": return beginWithTarball(source, job);
    case "image": return beginWithImage(source, job);
    case "busybox": return beginWithBusybox(job);
  }
}

async function runStep(step: Step, created: number, { rootfs, log, signal }: Job): Promise<void> {
  const name = nameOfStep(step);
  log(`running ${name}`);
  const command = typeof step.command === "string" ? ["/bin/sh", "-e", "-c", step.command] : step.command;
  const { code, words } = await runInRoot(command, { root: rootfs.path, cwd: step.cwd, env: step.env, network: step.network, created, log, signal });
  if (code !== 0) throw fail("recipe_step_failed", { step: name, place: tellPlace(step.place), status: code ?? "a signal", words: words || "It wrote nothing." });
}

/** Packs one target into `folder`; the metadata's tarball is made once for all that have one. */
async function packTarget(target: Target, folder: string, meta: string, created: number, made: Set<string>, { rootfs, log, signal }: Job): Promise<string[]> {
  const options = { created, signal };
  log(`packing: ${target.format}`);
  const compression = target.compression ?? (target.format === "squashfs" ? "zstd" : "xz");
  if (target.format === "unified") {
    const name = `unified${tarExtension(compression)}`;
    renameSync(rootfs.path, join(meta, "rootfs"));
    await packTar(join(folder, name), meta, ["metadata.yaml", "templates", "rootfs"], compression, target.level, options);
    renameSync(join(meta, "rootfs"), rootfs.path);
    return [name];
  }
  const metadata = `metadata${tarExtension("xz")}`;
  if (!made.has(metadata)) await packTar(join(folder, metadata), meta, ["metadata.yaml", "templates"], "xz", undefined, options);
  made.add(metadata);
  const name = target.format === "squashfs" ? "rootfs.squashfs" : `rootfs${tarExtension(compression)}`;
  if (target.format === "squashfs") await packSquashfs(join(folder, name), rootfs.path, target, options);
  else await packTar(join(folder, name), rootfs.path, ["."], compression, target.level, options);
  return [metadata, name];
}

/** Builds into `folder`, an empty one. Throws `recipe_invalid`, `recipe_step_failed`, `disk_full` and others. */
export async function buildImage(job: Job, folder: string): Promise<BuiltImage[]> {
  const { recipe, rootfs, work, log, signal } = job;
  mkdirSync(rootfs.path, { mode: 0o755 });
  try {
    const beginning = await begin(job);
    const created = creationDate(job, beginning);
    const metadata = describeImage(job, beginning, created);
    await withQuietServices(job, async () => {
      await installPackages((recipe.packages ?? []).filter((name) => !beginning.installed.includes(name)), created, job);
      makeFiles(job, { architecture: metadata.architecture, created: new Date(created * 1000).toISOString(), properties: metadata.properties });
      for (const step of recipe.run) await runStep(step, created, job);
    });
    cleanUp(job, created);
    await clampTimes(rootfs.path, created, signal);
    const meta = `${work}/meta`;
    writeMetadata(meta, metadata, job, beginning);
    const made = new Set<string>();
    const images: BuiltImage[] = [];
    for (const target of recipe.targets ?? [{ format: "squashfs" as const }]) {
      const files = await packTarget(target, folder, meta, created, made, job);
      const paths = files.map((name) => join(folder, name));
      images.push({ format: target.format, files, fingerprint: await fingerprintFiles(paths), size: paths.reduce((sum, path) => sum + statSync(path).size, 0) });
    }
    return images;
  } catch (error) {
    if (hasCode(error, "ENOSPC", "EDQUOT") || /No space left on device/.test((error as Error).message)) throw fail("disk_full", { path: work }, error);
    throw error;
  } finally {
    if (signal.aborted) log("stopping");
  }
}
