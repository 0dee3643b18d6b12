// Changes the server's configuration: all of it is checked first, then what listens is moved, then it is kept.
import type { Requestor } from "../api/events.ts";
import type { Config } from "../api/schemas.ts";
import { hashPassword } from "../certificates/password.ts";
import type { Context } from "../context.ts";

const signedKey = "core.trust_ca_certificates";

async function listenAsToldBy(ctx: Context, config: Config): Promise<void> {
  await ctx.https.listen(config["core.https_address"] ?? "");
  await ctx.metricsHttps.listen(config["core.metrics_address"] ?? "");
}

/** One change at a time. `make`: from what is set now, as clients see it, to what is to be set. */
export async function changeConfig(ctx: Context, make: (now: Record<string, unknown>) => Record<string, unknown>, requestor: Requestor): Promise<void> {
  await ctx.locks.run("server configuration", async () => {
    const before = ctx.settings.all();
    const { config, newSecrets } = ctx.settings.check(make(ctx.settings.view()));
    for (const key of newSecrets) config[key] = await hashPassword(config[key] ?? "");
    try {
      await listenAsToldBy(ctx, config);
      ctx.settings.save(config);
      if (before[signedKey] !== config[signedKey]) ctx.trust.reconsiderSigned();
    } catch (error) {
      await listenAsToldBy(ctx, before);
      throw error;
    }
  });
  ctx.events.lifecycle({ action: "config-updated", source: "/1.0", requestor });
}
