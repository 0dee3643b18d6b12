// The door to the contract: all endpoints in one table.
import { backupEndpoints } from "./backups.ts";
import { certificateEndpoints } from "./certificates.ts";
import { eventEndpoints } from "./events.ts";
import { identityEndpoints } from "./identities.ts";
import { imageEndpoints } from "./images.ts";
import { metadataEndpoints } from "./instance-metadata.ts";
import { instanceEndpoints } from "./instances.ts";
import { metricsEndpoints } from "./metrics.ts";
import { networkEndpoints } from "./networks.ts";
import { operationEndpoints } from "./operations.ts";
import { profileEndpoints } from "./profiles.ts";
import { projectEndpoints } from "./projects.ts";
import { serverEndpoints } from "./server.ts";
import { snapshotEndpoints } from "./snapshots.ts";
import { storageEndpoints } from "./storage.ts";
import { warningEndpoints } from "./warnings.ts";

export const endpoints = {
  ...serverEndpoints,
  ...certificateEndpoints,
  ...identityEndpoints,
  ...eventEndpoints,
  ...operationEndpoints,
  ...instanceEndpoints,
  ...snapshotEndpoints,
  ...metadataEndpoints,
  ...backupEndpoints,
  ...imageEndpoints,
  ...networkEndpoints,
  ...profileEndpoints,
  ...projectEndpoints,
  ...storageEndpoints,
  ...warningEndpoints,
  ...metricsEndpoints,
} as const;
export type EndpointTable = typeof endpoints;
export type OperationId = keyof EndpointTable;
