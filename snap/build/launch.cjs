"use strict";
// dist/berth: runs the client, which lies beside it. Compiled code is taken from the cache that the build has made (another version
// of Node does without): reading the source costs more than all else.
const fs = require("node:fs");
const vm = require("node:vm");

/** For `import()`, which code from a cache cannot do by itself. */
async function load(name) {
  return name.endsWith(".mjs") ? import(name) : require(name);
}

function read(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}

const file = `${__dirname}/berth-client.js`;
const script = new vm.Script(fs.readFileSync(file, "latin1"), { filename: file, cachedData: read(`${__dirname}/berth-client.cache`) });
script.runInThisContext()(require, load, file, __dirname);
