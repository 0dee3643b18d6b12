"use strict";
// dist/berth: runs the client, which lies beside it. Compiled code is taken from the cache that the build has made (another version
// of Node does without), and of Node's own modules only those are loaded of which something is used: both cost as much as all else.
const fs = require("node:fs");
const vm = require("node:vm");

const lazily = new Set(["child_process", "crypto", "fs/promises", "http", "https", "net", "os", "readline", "tls", "tty"].map((name) => `node:${name}`));

function load(name) {
  if (!lazily.has(name)) return require(name);
  let loaded;
  return new Proxy({}, { get: (_, key) => (loaded ??= require(name))[key] });
}

function read(file, encoding) {
  try {
    return fs.readFileSync(file, encoding);
  } catch {
    return undefined;
  }
}

const file = `${__dirname}/berth-client.js`;
const script = new vm.Script(fs.readFileSync(file, "latin1"), {
  filename: file, cachedData: read(`${__dirname}/berth-client.cache`), importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
script.runInThisContext()(load, file, __dirname);
