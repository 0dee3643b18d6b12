import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, beforeEach, describe, it } from "node:test";
import { isCode } from "../../../server/api/errors.ts";
import { downloadFile } from "../../../server/image-library/fetch/file.ts";
import { type Fault, Mirror } from "../../helpers/mirror.ts";

const bytes = randomBytes(600_000);
const sha256 = createHash("sha256").update(bytes).digest("hex");
const proxies = { https: "", http: "", ignore: "" };
let mirror: Mirror;
let work: string;
let count = 0;

before(async () => {
  mirror = await Mirror.start();
  work = mkdtempSync(`${tmpdir()}/berth-download-`);
  writeFileSync(`${mirror.folder}/file`, bytes);
  writeFileSync(`${mirror.folder}/other`, randomBytes(600_000));
  writeFileSync(`${mirror.folder}/longer`, Buffer.concat([bytes, bytes]));
});
after(async () => {
  await mirror?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});
beforeEach(() => mirror.forget());

async function download(fault: Fault | undefined, more: { size?: number; signal?: AbortSignal; url?: string } = {}): Promise<Buffer> {
  mirror.misbehave(fault ? { "/file": fault } : {});
  const target = `${work}/${count++}`;
  const size = await downloadFile(target, { url: more.url ?? `${mirror.url}/file`, sha256, size: more.size ?? bytes.length }, { proxies, signal: more.signal ?? new AbortController().signal, idleTimeout: 100 });
  const got = readFileSync(target);
  assert.equal(got.length, size);
  return got;
}
const ranges = () => mirror.requests().map((line) => line.split(" ")[2]);

describe("downloading a file", () => {
  it("gives its bytes, and says who asks", async () => {
    assert.ok((await download(undefined)).equals(bytes));
    assert.match(mirror.requests()[0] ?? "", /^GET \/file - LXD 5\.0\.2 \(Linux; \w+; Berth/);
  });

  it("goes on where it was cut off, and begins anew where the server cannot", async () => {
    assert.ok((await download({ cut: 130_000, times: 2 })).equals(bytes));
    assert.match(ranges().join(" "), /^- bytes=\d+- bytes=\d+-$/);
    assert.ok(ranges().slice(1).every((range) => Number(/\d+/.exec(range ?? "")?.[0]) >= 65_536), ranges().join(" "));
    mirror.forget();
    assert.ok((await download({ cut: 130_000, times: 1, noRange: true })).equals(bytes));
    mirror.misbehave({});
  });

  it("tries again when the server is busy, and gives up when it stays so", async () => {
    assert.ok((await download({ status: 503, times: 2 })).equals(bytes));
    await assert.rejects(download({ status: 503 }), (error) => isCode(error, "download_failed") && /answered 503/.test(error.message));
    await assert.rejects(download({ status: 404 }), (error) => isCode(error, "download_failed") && /answered 404/.test(error.message));
  });

  it("gives up on a server that hangs, before or amid its answer", async () => {
    for (const hang of ["head", "body"] as const) {
      await assert.rejects(download({ hang, piece: 1 }), (error) => isCode(error, "download_failed") && /nothing came for 0\.1 s/.test(error.message), hang);
    }
  });

  it("refuses what is not what the list says: other bytes, more or fewer of them", async () => {
    await assert.rejects(download({ instead: "/other" }), (error) => isCode(error, "download_mismatch") && error.message.includes(sha256));
    await assert.rejects(download({ instead: "/longer" }), (error) => isCode(error, "download_failed") && /larger than the 600000 bytes/.test(error.message));
    await assert.rejects(download(undefined, { size: 700_000 }), (error) => isCode(error, "download_failed") && /ended after 600000 of 700000|answered 416|answered 206/.test(error.message));
  });

  it("follows redirections, but not for ever, and not away from the web", async () => {
    writeFileSync(`${mirror.folder}/there`, bytes);
    assert.ok((await download({ redirect: "/there" })).equals(bytes));
    await assert.rejects(download({ redirect: "/file" }), /redirects more than 10 times/);
    await assert.rejects(download({ redirect: "file:///etc/passwd" }), /no http:\/\/ or https:\/\/ URL/);
  });

  it("ends when it is told to, with the reason for that", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("changed my mind")), 50);
    await assert.rejects(download({ slow: 20, piece: 1000 }, { signal: stop.signal }), /changed my mind/);
  });

  it("says so when nobody listens there", async () => {
    await assert.rejects(download(undefined, { url: "http://127.0.0.1:9/file" }), (error) => isCode(error, "download_failed") && /ECONNREFUSED/.test(error.message));
  });
});
