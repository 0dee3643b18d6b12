// An image server of tests, on loopback: of this machine, or of a daemon's namespace.
//   await using mirror = await Mirror.start(); mirror.list([{ names: "tiny", files }]); mirror.misbehave({ "/x": { cut: 1000 } })
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Daemon } from "./daemon.ts";
import { runId } from "./folder.ts";
import { makeIdentity } from "./network.ts";

const script = fileURLToPath(new URL("mirror.mjs", import.meta.url));
const sha256 = (...files: readonly string[]) => files.reduce((hash, file) => hash.update(readFileSync(file)), createHash("sha256")).digest("hex");

/** What a path does instead of giving its file. */
export interface Fault {
  /** How often; always when absent. */
  times?: number;
  /** Ends the connection after so many bytes. */
  cut?: number;
  hang?: "head" | "body";
  status?: number;
  redirect?: string;
  /** Another file of the folder. */
  instead?: string;
  noRange?: boolean;
  headers?: Record<string, string>;
  /** Milliseconds after each piece, and its bytes. */
  slow?: number;
  piece?: number;
}

export interface Listed {
  /** Separated by commas. */
  names: string;
  /** Metadata tarball and squashfs. */
  files: readonly string[];
  serial?: string;
  arch?: string;
  /** Fields in place of true ones. */
  lies?: { meta?: object; root?: object };
}

export class Mirror implements AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  /** PEM of its certificate; empty when it speaks plainly. */
  readonly certificate: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, url: string, certificate: string, child: ChildProcess) {
    [this.folder, this.url, this.certificate, this.#child] = [folder, url, certificate, child];
  }

  /** `files`: of a certificate and its key, from `certificateFiles`; plain when absent. */
  static async start(daemon?: Daemon, files?: { cert: string; key: string }): Promise<Mirror> {
    const folder = mkdtempSync(`${tmpdir()}/berth-test-${runId}-mirror-`);
    const args = [script, folder, files?.cert ?? "-", files?.key ?? "-"];
    const [program, wrapped] = daemon ? daemon.namespace.wrap(process.execPath, args) : [process.execPath, args];
    const child = spawn(program, wrapped, { stdio: ["ignore", "pipe", "inherit"], cwd: "/" });
    const port = await new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.stdout?.once("data", (chunk: Buffer) => resolve(String(chunk).trim()));
    });
    return new Mirror(folder, `${files ? "https" : "http"}://127.0.0.1:${port}`, files ? readFileSync(files.cert, "utf8") : "", child);
  }

  /** What was asked so far: `GET /path RANGE AGENT` each. */
  requests(): string[] {
    const file = `${this.folder}/.requests`;
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  forget(): void {
    rmSync(`${this.folder}/.requests`, { force: true });
  }

  misbehave(faults: Record<string, Fault>): void {
    writeFileSync(`${this.folder}/.faults`, JSON.stringify(faults));
  }

  /** Serves simplestreams documents that list these images, and their files below /images. */
  list(images: readonly Listed[]): void {
    mkdirSync(`${this.folder}/streams/v1`, { recursive: true });
    mkdirSync(`${this.folder}/images`, { recursive: true });
    const products: Record<string, { versions: Record<string, unknown> }> = {};
    for (const { names, files, serial = "20260101_00:00", arch = "amd64", lies = {} } of images) {
      const [meta = "", root = ""] = files;
      const item = (file: string, ftype: string, more: object) => {
        const path = `images/${sha256(file).slice(0, 12)}.${ftype}`;
        copyFileSync(file, `${this.folder}/${path}`);
        return { ftype, path, sha256: sha256(file), size: statSync(file).size, ...more };
      };
      const product = (products[`${names}:${arch}`] ??= {
        ...{ aliases: names, arch, os: "Test", release: "one", release_title: "One" }, versions: {},
      });
      product.versions[serial] = {
        items: { "lxd.tar.xz": item(meta, "lxd.tar.xz", { combined_squashfs_sha256: sha256(meta, root), ...lies.meta }), "rootfs.squashfs": item(root, "squashfs", { ...lies.root }) },
      };
    }
    const index = { index: { images: { datatype: "image-downloads", path: "streams/v1/images.json", products: Object.keys(products) } }, format: "index:1.0" };
    writeFileSync(`${this.folder}/streams/v1/index.json`, JSON.stringify(index));
    writeFileSync(`${this.folder}/streams/v1/images.json`, JSON.stringify({ content_id: "images", datatype: "image-downloads", format: "products:1.0", products }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A certificate for 127.0.0.1 that no authority speaks for, in files below a folder. */
export function certificateFiles(folder: string): { cert: string; key: string } {
  const { cert, key } = makeIdentity("127.0.0.1");
  const files = { cert: `${folder}/mirror.crt`, key: `${folder}/mirror.key` };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return files;
}
