// berth config trust: who may use the server over the network
import type { Certificate, CertificatePut } from "../../../server/api/certificates.ts";
import { defineCommand, formatFlag, type Group } from "../../command.ts";
import { editDocument } from "../../edit.ts";
import { compareRows } from "../../output/natural.ts";
import { certificateShape } from "../../output/shape.ts";
import { formatUpload } from "../../output/units.ts";
import { listedServer } from "../../remote.ts";
import { certificatePutFrom } from "../../writable.ts";
import { trustAddCommand, trustListTokensCommand, trustRevokeTokenCommand } from "./trust-tokens.ts";

const list = defineCommand({
  name: "list",
  aliases: ["ls"],
  usage: "[<remote>:]",
  summary: "List trusted clients",
  args: [0, 1],
  flags: { format: formatFlag },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    const { X509Certificate } = await import("node:crypto");
    await ctx.list(flags.format, async () => {
      const certificates = (await server.client.listCertificates({ recursion: "1" })) as Certificate[];
      const rows = certificates.map((it) => {
        const { subject, validFrom, validTo } = new X509Certificate(it.certificate);
        const commonName = /^CN=(.*)$/m.exec(subject)?.[1] ?? "";
        return [it.type, it.name, commonName, it.fingerprint.slice(0, 12), formatUpload(validFrom), formatUpload(validTo)];
      });
      const header = ["TYPE", "NAME", "COMMON NAME", "FINGERPRINT", "ISSUE DATE", "EXPIRY DATE"];
      return { header, rows: rows.sort(compareRows), raw: certificates, shape: certificateShape };
    });
  },
});

const show = defineCommand({
  name: "show",
  usage: "<fingerprint>",
  summary: "Show trust configurations",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name: fingerprint } = ctx.resolve(argument, "certificate");
    ctx.show(await server.client.getCertificate({ fingerprint }), certificateShape);
  },
});

const edit = defineCommand({
  name: "edit",
  usage: "<fingerprint>",
  summary: "Edit trust configurations as YAML",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name: fingerprint } = ctx.resolve(argument, "certificate");
    await editDocument<CertificatePut>(ctx, server, {
      read: () => server.client.getCertificate({ fingerprint }),
      shape: certificateShape,
      help: `### This is a YAML representation of the certificate.
### Any line starting with a '# will be ignored.
###
### Note that the fingerprint is shown but cannot be changed`,
      parse: certificatePutFrom,
      write: (body, headers) => server.client.replaceCertificate({ fingerprint, body, headers }),
    });
  },
});

const remove = defineCommand({
  name: "remove",
  aliases: ["rm"],
  usage: "<fingerprint>",
  summary: "Remove trusted client",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name: fingerprint } = ctx.resolve(argument, "certificate");
    await server.client.deleteCertificate({ fingerprint });
  },
});

export const trustGroup: Group = {
  name: "trust",
  summary: "Manage trusted clients",
  commands: [trustAddCommand, edit, list, trustListTokensCommand, remove, trustRevokeTokenCommand, show],
};
