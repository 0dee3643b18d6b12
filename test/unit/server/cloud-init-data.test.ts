// What cloud-init is given is looked at when it is set.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../../server/api/schemas.ts";
import { checkInstanceConfig } from "../../../server/instances/config.ts";

const userData = (...values: string[]) => values.flatMap((value): Config[] => [{ "cloud-init.user-data": value }, { "cloud-init.vendor-data": value }]);
const networkConfig = (...values: string[]) => values.map((value): Config => ({ "cloud-init.network-config": value }));

test("YAML for cloud-init that is broken is refused when it is set", () => {
  for (const config of [...userData("#cloud-config\n: : [", "#cloud-config\n- a\n", "#cloud-config\nplain"), ...networkConfig("plain", "- a", ": : [", "a: [")]) {
    assert.throws(() => checkInstanceConfig(config), { code: "invalid_config_value" }, JSON.stringify(config));
    assert.deepEqual(checkInstanceConfig(config, config), config, "it is there already");
  }
});

test("what cloud-init takes is let through", () => {
  const good = [
    ...userData("#cloud-config", "#cloud-config\n", "#cloud-config\n# nothing\n", "#cloud-config\npackages: [a]\npackages: [b]\nx: !thing y\n", "#cloud-config\r\na: b\r\n", "#!/bin/sh\necho : : [",
      "## template: jinja\n#cloud-config\n{% if a %}\n", "plain"),
    ...networkConfig("version: 2\nethernets:\n  eth0: &one {dhcp4: true}\n  eth1: *one\n", "# nothing\n", "---\nversion: 1\n---\nmore: 2\n"),
  ];
  for (const config of good) assert.deepEqual(checkInstanceConfig(config), config);
});
