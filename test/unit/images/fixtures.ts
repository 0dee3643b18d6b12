// Images made on the spot: folders packed by the real tools, and hostile tarballs written by hand.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

export const isRoot = process.getuid?.() === 0;
export const metadataText = "architecture: amd64\ncreation_date: 1424284563\n";

/** A folder of the test's own, gone after it. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "berth-images-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a shell line in a folder. */
export function shell(folder: string, line: string): string {
  return execFileSync("/bin/bash", ["-ec", line], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Writes files by their relative names. */
export function writeTree(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** The sources of an image in `folder/source`, with some incompressible data in its rootfs. */
export function writeSource(folder: string, kilobytes = 0): void {
  writeTree(join(folder, "source"), {
    "metadata.yaml": metadataText, "templates/hostname.tpl": "{{ container.name }}\n", "rootfs/etc/os-release": "ID=test\n",
  });
  if (kilobytes > 0) shell(folder, `head -c ${kilobytes * 1024} /dev/urandom > source/rootfs/data`);
}

export interface HandMember {
  name: string;
  type?: string;
  data?: string;
  link?: string;
}

function tarMember({ name, type = "0", data = "", link = "" }: HandMember): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write(type === "5" ? "0000755\0" : "0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${Buffer.byteLength(data).toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write("ustar\0" + "00", 257);
  header.write(type === "3" || type === "4" ? "0000001\0" : "0000000\0", 329);
  header.write(type === "3" || type === "4" ? "0000003\0" : "0000000\0", 337);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(data) / 512) * 512);
  body.write(data);
  return Buffer.concat([header, body]);
}

/** A tarball with just these members, whatever they are. */
export function handmadeTar(members: readonly HandMember[]): Buffer {
  return Buffer.concat([...members.map(tarMember), Buffer.alloc(1024)]);
}

/** A whole unified image with some more members at its end. */
export function handmadeImage(members: readonly HandMember[]): Buffer {
  return handmadeTar([
    { name: "metadata.yaml", data: metadataText }, { name: "templates/", type: "5" }, { name: "rootfs/", type: "5" }, ...members,
  ]);
}
